#include "agent_settings.h"

#include <algorithm>
#include <map>
#include <optional>

#include "number_text.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kKeys = 9;

std::optional<std::int64_t> parse_count(std::string_view text) {
  const std::optional<std::int64_t> value = parse_number(text);
  return value && *value >= 0 ? value : std::nullopt;
}

}  // namespace

std::string format_settings(const AgentSettings& settings) {
  const auto line = [](std::string_view key, const std::string& value) {
    return std::string(key) + "=" + value + "\n";
  };
  return line("refresh_interval_ms", std::to_string(settings.refresh_interval.count())) +
         line("refresh_splay_ms", std::to_string(settings.refresh_splay.count())) +
         line("refresh_deadline_ms", std::to_string(settings.refresh_deadline.count())) +
         line("probe_interval_ms", std::to_string(settings.probe_interval.count())) +
         line("probe_deadline_ms", std::to_string(settings.probe_deadline.count())) +
         line("has_sources", settings.has_sources ? "1" : "0") +
         line("has_files", settings.has_files ? "1" : "0") +
         line("hosts_path", settings.hosts_path) + line("config_file", settings.config_file);
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
  const auto number = [&](std::string_view key, milliseconds& into) {
    const auto found = values.find(key);
    if (found == values.end()) return false;
    const std::optional<std::int64_t> value = parse_count(found->second);
    into = milliseconds(value.value_or(0));
    return value.has_value();
  };
  const bool numbers = number("refresh_interval_ms", settings.refresh_interval) &&
                       number("refresh_splay_ms", settings.refresh_splay) &&
                       number("refresh_deadline_ms", settings.refresh_deadline) &&
                       number("probe_interval_ms", settings.probe_interval) &&
                       number("probe_deadline_ms", settings.probe_deadline);
  const auto flag = [&](std::string_view key, bool& into) {
    const auto found = values.find(key);
    if (found == values.end()) return false;
    into = found->second == "1";
    return into || found->second == "0";
  };
  const bool flags =
      flag("has_sources", settings.has_sources) && flag("has_files", settings.has_files);
  const auto path = [&](std::string_view key, std::string& into) {
    const auto found = values.find(key);
    if (found == values.end()) return false;
    into = std::string(found->second);
    return true;
  };
  const bool paths = path("hosts_path", settings.hosts_path) &&
                     settings.hosts_path.starts_with('/') &&
                     path("config_file", settings.config_file);
  if (!numbers || !flags || !paths || values.size() != kKeys) {
    return {Errc::internal, "the settings are not complete"};
  }
  return settings;
}

std::string format_presence(const AgentPresence& presence) {
  return "pid=" + std::to_string(presence.pid) +
         "\nnext_refresh=" + std::to_string(presence.next_refresh) +
         "\nnext_probe=" + std::to_string(presence.next_probe) + "\n";
}

AgentPresence parse_presence(std::string_view text) {
  AgentPresence presence;
  const auto take = [&](std::string_view key, std::int64_t& into) {
    if (!text.starts_with(key)) return;
    const std::size_t end = std::min(text.find('\n'), text.size());
    into = parse_count(text.substr(key.size(), end - key.size())).value_or(0);
    text.remove_prefix(std::min(end + 1, text.size()));
  };
  take("pid=", presence.pid);
  take("next_refresh=", presence.next_refresh);
  take("next_probe=", presence.next_probe);
  return presence;
}

}  // namespace hostspin
