#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/manifest.h"
#include "hostspin/worker_lines.h"

namespace hostspin {

/// What every command ends with: the states of a Nagios plugin.
enum class ExitCode { ok = 0, attention = 1, critical = 2, unknown = 3 };
/// "OK", "WARNING", "CRITICAL", "UNKNOWN".
[[nodiscard]] std::string_view exit_code_word(ExitCode code);
/// The one an operator must hear about first: critical, then attention, then unknown, then ok.
[[nodiscard]] ExitCode graver(ExitCode a, ExitCode b);
/// What a command that could not finish for this reason ends with: unknown where it could not judge
/// (usage, configuration, permission), else critical.
[[nodiscard]] ExitCode exit_code_for(Errc code);

/// One check of one address: the smallest thing that is judged. Never one per name.
struct AddressReport {
  std::string service;
  IPAddress address;
  Check check;
  ProbeResult result;
};

enum class ServiceState {
  unchecked,  ///< no check, or none that this version knows: nothing is claimed but pinning
  up,         ///< every address answers every check
  degraded,   ///< some addresses are down, or one of them has a warning
  down,       ///< no address is up
  not_tried,  ///< nothing down, but not everything could be judged
};

struct ServiceReport {
  std::string service;
  ServiceState state = ServiceState::unchecked;
  std::size_t addresses = 0;
  std::size_t addresses_down = 0;
  std::size_t addresses_not_tried = 0;
  std::size_t addresses_unsupported = 0;  ///< all of them, where this version knows none of its checks
  std::size_t warnings = 0;  ///< certificates below their min_days_left, ports that close at once
};

/// The result of probing a manifest.
struct ProbeReport {
  std::vector<AddressReport> checks;    ///< manifest order
  std::vector<ServiceReport> services;  ///< manifest order
  /// The worst that was found; unknown where there were checks, and none could be judged.
  [[nodiscard]] ExitCode exit_code() const;
};

/// The probes a manifest asks for, ids from 0 in manifest order; unsupported checks included.
struct ProbePlan {
  std::vector<AddressReport> checks;  ///< results still `not_tried`
};
[[nodiscard]] ProbePlan plan_probes(const Manifest& manifest, const std::vector<std::string>& only);

/// Whether this machine, or its time, was at fault: nothing is known of the address.
[[nodiscard]] bool is_skipped(const ProbeResult& result);
/// Whether a result means the address is down. `unsupported` and what was skipped do not.
[[nodiscard]] bool is_down(const ProbeResult& result);
/// Whether a result means that the address answers its check, with a warning or without.
[[nodiscard]] bool is_up(const ProbeResult& result);
/// Whether a certificate ends sooner than its check allows, or a port closes what it accepts.
[[nodiscard]] bool is_warning(const Check& check, const ProbeResult& result);

/// Judges services from their checks: an address is down if any of its checks is.
[[nodiscard]] ProbeReport judge(const Manifest& manifest, std::vector<AddressReport> checks);

}  // namespace hostspin
