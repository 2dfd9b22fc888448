#include "words.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace hostspin::desk {
namespace {

using std::chrono::days;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

inline constexpr std::string_view kBlanks = " \t\r\n";
inline constexpr std::int64_t kDurationSecondsMax = 1096LL * 86400;
inline constexpr int kYearMin = 2020;
inline constexpr int kYearMax = 2199;

struct Unit {
  char letter;
  std::int64_t seconds;
};
inline constexpr std::array<Unit, 5> kUnits{
    {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

/// The two to four digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string> split_blanks(std::string_view text) {
  std::vector<std::string> words;
  for (;;) {
    text = trim(text);
    if (text.empty()) return words;
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += separator;
    joined += word;
  }
  return joined;
}

std::string count_of(std::size_t number, std::string_view noun) {
  return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

Result<sys_seconds> parse_time(std::string_view text) {
  const Error bad{Errc::usage, quoted(text) + " is not a time",
                  "write times in UTC, as in 2026-10-01T12:00:00Z"};
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  if (text.size() != kForm.size()) return bad;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return bad;
  }
  const int year = digits(text, 0, 4);
  const std::chrono::year_month_day date(
      std::chrono::year(year), std::chrono::month(static_cast<unsigned>(digits(text, 5, 2))),
      std::chrono::day(static_cast<unsigned>(digits(text, 8, 2))));
  const int hour = digits(text, 11, 2);
  const int minute = digits(text, 14, 2);
  const int second = digits(text, 17, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return bad;
  if (year < kYearMin || year > kYearMax) {
    return {Errc::usage, quoted(text) + " is outside the years 2020 to 2199", "check the year"};
  }
  return sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + seconds(second);
}

Result<seconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const std::from_chars_result read = std::from_chars(text.data(), end, number);
  const auto* unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& candidate) {
    return read.ptr + 1 == end && *read.ptr == candidate.letter;
  });
  if (read.ec != std::errc() || unit == kUnits.end() || number < 1) {
    return {Errc::usage, quoted(text) + " is not a duration", "write it as 30d, 12h, 45m or 2w"};
  }
  if (number > kDurationSecondsMax / unit->seconds) {
    return {Errc::usage, quoted(text) + " is longer than 1096 days", "give a shorter one"};
  }
  return seconds(number * unit->seconds);
}

Result<sys_seconds> parse_moment(std::string_view text, sys_seconds start) {
  if (text.find('T') != std::string_view::npos) return parse_time(text);
  const Result<seconds> duration = parse_duration(text);
  if (!duration) {
    return {Errc::usage, quoted(text) + " is neither a duration nor a time",
            "write 30d, 12h, 45m or 2w, or a time such as 2026-10-01T12:00:00Z"};
  }
  return start + *duration;
}

sys_seconds desk_now() { return std::chrono::floor<seconds>(std::chrono::system_clock::now()); }

}  // namespace hostspin::desk
