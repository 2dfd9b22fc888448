#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "hostspin/report.h"
#include "resolver_view.h"
#include "standing.h"

namespace hostspin {

/// Everything `verify` has found out.
struct VerifyFindings {
  const Standing* standing = nullptr;
  const Applied* applied = nullptr;
  ApplyReport report;                        ///< warnings about manifest and file
  std::chrono::sys_seconds clock;            ///< what this machine's clock says
  std::optional<ProbeReport> probes;         ///< absent with --offline
  std::optional<ResolverFindings> resolver;  ///< absent with --no-resolver
  std::string probes_failed;                 ///< why hostspin-net did not finish; empty if it did
  std::string resolver_failed;               ///< why there is none, or not all that was wanted
  bool no_glibc = false;                     ///< hostspin-ask cannot start here, which is no fault
};

struct VerifyTally {
  std::size_t down = 0;
  std::size_t not_tried = 0;
  std::size_t unsupported = 0;
  std::size_t warnings = 0;  ///< certificates close to their end
  std::size_t ok = 0;
};

/// What it means.
struct VerifyJudgement {
  ExitCode code = ExitCode::ok;
  std::string verdict;  ///< one line, which fits kReportColumns with the word before it
  VerifyTally tally;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;  ///< worth knowing, no reason for attention
};

inline constexpr std::size_t kReportColumns = 100;

[[nodiscard]] VerifyJudgement judge_verify(const VerifyFindings& findings);

/// The state of the pins themselves: missing or altered lines are what this tool exists to prevent.
[[nodiscard]] ExitCode pins_code(const Applied& applied);
[[nodiscard]] std::string pins_words(const Applied& applied);
/// "10.1.2.3:5432", "[2001:db8::1]:443".
[[nodiscard]] std::string endpoint_text(const AddressReport& check);

/// Judges, prints in the format asked for, and returns the exit code.
ExitCode finish_verify(Context& context, const VerifyOptions& verify,
                       const VerifyFindings& findings);

/// The error in a format for programs that has no verdict line; false where the format has one.
bool print_failure(Console& console, VerifyFormat format, const Error& error, ExitCode code);

/// A `verify` that could not do its work, in the format asked for.
ExitCode fail_verify(Env& env, const CommonOptions& options, const VerifyOptions& verify,
                     const Error& error);

}  // namespace hostspin
