#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

/// What the agent's supervisor has to know of the configuration. A child reads the TOML and prints
/// these as `key=value` lines, so that no parser's fault can end the supervisor.
struct AgentSettings {
  std::chrono::milliseconds refresh_interval{300000};
  std::chrono::milliseconds refresh_splay{60000};
  std::chrono::milliseconds refresh_deadline{30000};
  bool has_sources = false;
  std::string hosts_path = "/etc/hosts";  ///< with --root put before it
  bool operator==(const AgentSettings&) const = default;
};

[[nodiscard]] std::string format_settings(const AgentSettings& settings);
/// Errc::internal for anything but exactly what format_settings() makes.
Result<AgentSettings> parse_settings(std::string_view text);

}  // namespace hostspin
