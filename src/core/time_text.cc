#include "hostspin/time_text.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace hostspin {

std::string format_utc(std::chrono::sys_seconds time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 48> text{};
  const int size = std::snprintf(
      text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string format_span(std::chrono::seconds span) {
  struct Unit {
    std::int64_t seconds;
    const char* name;
  };
  constexpr std::array<Unit, 4> units{{{86400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}}};
  std::int64_t left = span.count() < 0 ? -span.count() : span.count();
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (left < units[i].seconds) continue;
    std::string text = std::to_string(left / units[i].seconds) + units[i].name;
    left %= units[i].seconds;
    // The second unit only where it says something: not "29 d 4 s".
    if (i + 1 < units.size() && left >= units[i + 1].seconds) {
      text += " " + std::to_string(left / units[i + 1].seconds) + units[i + 1].name;
    }
    return text;
  }
  return "0 s";
}

}  // namespace hostspin
