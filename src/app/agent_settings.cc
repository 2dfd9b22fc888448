#include "agent_settings.h"

#include <charconv>
#include <map>

namespace hostspin {

std::string format_settings(const AgentSettings& settings) {
  const auto line = [](std::string_view key, const std::string& value) {
    return std::string(key) + "=" + value + "\n";
  };
  return line("refresh_interval_ms", std::to_string(settings.refresh_interval.count())) +
         line("refresh_splay_ms", std::to_string(settings.refresh_splay.count())) +
         line("refresh_deadline_ms", std::to_string(settings.refresh_deadline.count())) +
         line("has_sources", settings.has_sources ? "1" : "0") +
         line("hosts_path", settings.hosts_path);
}

Result<AgentSettings> parse_settings(std::string_view text) {
  std::map<std::string_view, std::string_view> values;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const std::size_t equals = line.find('=');
    if (end == std::string_view::npos || equals == std::string_view::npos ||
        !values.emplace(line.substr(0, equals), line.substr(equals + 1)).second) {
      return {Errc::internal, "the settings hold a line that is none: " + quoted(line)};
    }
    text.remove_prefix(end + 1);
  }
  AgentSettings settings;
  const auto number = [&](std::string_view key, std::chrono::milliseconds& into) {
    const auto found = values.find(key);
    if (found == values.end()) return false;
    std::int64_t value = 0;
    const char* last = found->second.data() + found->second.size();
    const auto [end, error] = std::from_chars(found->second.data(), last, value);
    into = std::chrono::milliseconds(value);
    return error == std::errc() && end == last && value >= 0;
  };
  const bool numbers = number("refresh_interval_ms", settings.refresh_interval) &&
                       number("refresh_splay_ms", settings.refresh_splay) &&
                       number("refresh_deadline_ms", settings.refresh_deadline);
  const auto sources = values.find("has_sources");
  const auto path = values.find("hosts_path");
  if (!numbers || values.size() != 5 || sources == values.end() || path == values.end() ||
      !path->second.starts_with('/')) {
    return {Errc::internal, "the settings are not complete"};
  }
  settings.has_sources = sources->second == "1";
  settings.hosts_path = std::string(path->second);
  return settings;
}

}  // namespace hostspin
