#pragma once

#include <optional>
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
  ApplyReport report;                                 ///< warnings about manifest and file
  std::optional<ProbeReport> probes;                  ///< absent with --offline
  std::optional<std::vector<ResolverView>> resolver;  ///< absent with --no-resolver
};

/// Judges, prints in the format asked for, and returns the exit code.
ExitCode finish_verify(Context& context, const VerifyOptions& verify,
                       const VerifyFindings& findings);

}  // namespace hostspin
