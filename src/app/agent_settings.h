#pragma once

#include <chrono>
#include <cstdint>
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
  std::chrono::milliseconds probe_interval{60000};  ///< 0 = never
  std::chrono::milliseconds probe_deadline{5000};
  bool has_sources = false;
  bool has_files = false;                 ///< false: nothing is configured, the defaults hold
  std::string hosts_path = "/etc/hosts";  ///< with --root put before it
  /// What the passes are to read: a copy of the configuration that was found good. Where none could
  /// be made, the file that the administrator named; empty = the usual ones.
  std::string config_file;
  bool operator==(const AgentSettings&) const = default;
};

[[nodiscard]] std::string format_settings(const AgentSettings& settings);
/// Errc::internal for anything but exactly what format_settings() makes.
Result<AgentSettings> parse_settings(std::string_view text);

/// What a running agent leaves in /run/hostspin/agent for `status`: seconds since 1970, 0 = none.
struct AgentPresence {
  std::int64_t pid = 0;
  std::int64_t next_refresh = 0;
  std::int64_t next_probe = 0;
};
[[nodiscard]] std::string format_presence(const AgentPresence& presence);
/// Zeroes for what is not there.
[[nodiscard]] AgentPresence parse_presence(std::string_view text);

}  // namespace hostspin
