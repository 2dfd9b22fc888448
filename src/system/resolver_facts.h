#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hostspin {

/// One source of nsswitch.conf's `hosts:` line, and the action in brackets after it.
struct SwitchSource {
  std::string name;    ///< "files"
  std::string action;  ///< "!UNAVAIL=return", upper case before "="; empty for none
};

/// The sources of the `hosts:` line; nothing where there is no such line (nsswitch.conf(5)). The
/// last of several lines counts, as in glibc.
[[nodiscard]] std::optional<std::vector<SwitchSource>> parse_switch(std::string_view nsswitch_conf);

/// Whether /etc/host.conf says `multi on` (host.conf(5)): without it glibc stops at a name's first
/// line.
[[nodiscard]] bool says_multi_on(std::string_view host_conf);

/// What a file of systemd-resolved says about `ReadEtcHosts=`; nothing if nothing.
[[nodiscard]] std::optional<bool> parse_read_etc_hosts(std::string_view resolved_conf);

/// What cloud-init shall do with /etc/hosts.
enum class CloudInitHosts {
  unsaid,
  leave,      ///< false
  localhost,  ///< keeps one line of its own, and re-formats the others
  rewrite,    ///< true or template: the whole file, at every boot
};
/// The last top-level `manage_etc_hosts:` of a cloud-config, found line by line: also in a
/// multi-part archive, not in flow style.
[[nodiscard]] CloudInitHosts parse_manage_etc_hosts(std::string_view cloud_config);

}  // namespace hostspin
