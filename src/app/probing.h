#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "context.h"
#include "hostspin/manifest.h"
#include "hostspin/report.h"
#include "hostspin/result.h"

namespace hostspin {

/// What probing found, and what kept it from an end.
struct Probed {
  ProbeReport report;
  /// Why hostspin-net did not finish, and which addresses it left open; empty if it did.
  std::string failure;
  /// Whether any check was judged, ok or down.
  [[nodiscard]] bool has_verdicts() const;
};

/// Probes through hostspin-net what the manifest's checks ask for, all within one deadline: of the
/// services named in `only` (names or aliases), or of all. What is not reached stays `not_tried`:
/// all that was still open too where the worker failed, was late or lied, and checks whose CA
/// bundle the configuration lacks, each with the reason as its detail. With `explain` each result
/// tells the way to its address as well.
[[nodiscard]] Probed probe_manifest(Context& context, const Manifest& manifest,
                                    const std::vector<std::string>& only,
                                    std::chrono::milliseconds deadline, bool explain = false);

}  // namespace hostspin
