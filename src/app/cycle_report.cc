#include "cycle_report.h"

#include <algorithm>

namespace hostspin {

std::string_view cycle_outcome_name(CycleOutcome outcome) {
  switch (outcome) {
    case CycleOutcome::adopted:
      return "adopted";
    case CycleOutcome::confirmed:
      return "confirmed";
    case CycleOutcome::scheduled:
      return "scheduled";
    case CycleOutcome::root_expired:
      return "root_expired";
    case CycleOutcome::refused:
      return "refused";
    case CycleOutcome::failed:
      return "failed";
  }
  return "failed";
}

bool CycleReport::all_fine() const {
  return std::all_of(endpoints.begin(), endpoints.end(),
                     [](const EndpointReport& e) { return e.fine(); });
}

Error worst_error(const std::vector<EndpointReport>& endpoints, std::int64_t next_root) {
  for (const EndpointReport& endpoint : endpoints) {
    if (endpoint.refused.empty()) continue;
    return Error{endpoint.refused_code,
                 "nothing adopted: " + endpoint.label + ": " + endpoint.refused,
                 endpoint.refused_hint};
  }
  for (const EndpointReport& endpoint : endpoints) {
    if (endpoint.root_refused.empty()) continue;
    return Error{endpoint.root_refused_code,
                 "nothing adopted: " + endpoint.label + ": " + endpoint.root_refused};
  }
  // A source that failed comes before one that this machine could not even ask.
  for (const bool was_asked : {true, false}) {
    for (const EndpointReport& endpoint : endpoints) {
      const bool is_so = (endpoint.failed_code == Errc::fetch_failed) == was_asked;
      if (endpoint.failed.empty() || !is_so) continue;
      return Error{endpoint.failed_code,
                   "nothing adopted: " + endpoint.label + ": " + endpoint.failed,
                   endpoint.failed_hint};
    }
  }
  return Error{Errc::fetch_failed, "nothing adopted: no source said that root " +
                                       std::to_string(next_root) + " does not exist"};
}

Error disowned_error(const Standing& standing) {
  const TrustRoot& root = standing.chain.trusted();
  const Result<AdmittedManifest> again = admit_manifest(standing.current->note_bytes(), root);
  return Error{again ? Errc::internal : again.error().code,
               "manifest " + std::to_string(standing.current->manifest().version) +
                   " was adopted before root " + std::to_string(root.version()) +
                   " was known, which does not admit it, and no source offered another" +
                   (again ? "" : ": " + again.error().detail)};
}

}  // namespace hostspin
