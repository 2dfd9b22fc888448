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

/// Probes through hostspin-net what the manifest's checks ask for, all within one deadline: of the
/// services named in `only` (names or aliases), or of all. What is not reached stays `not_tried`. A
/// worker that fails is an error; checks whose CA bundle the configuration lacks stay
/// `not_tried`, with the reason. With `explain` each result tells the way to its address as well.
Result<ProbeReport> probe_manifest(Context& context, const Manifest& manifest,
                                   const std::vector<std::string>& only,
                                   std::chrono::milliseconds deadline, bool explain = false);

}  // namespace hostspin
