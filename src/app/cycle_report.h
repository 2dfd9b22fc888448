#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "converge.h"
#include "hostspin/result.h"
#include "scheduled_offers.h"
#include "standing.h"

namespace hostspin {

/// What one endpoint did in a cycle, for people and for status.
struct EndpointReport {
  std::string label;
  bool answered = false;   ///< it gave a manifest, or said that it has none
  bool confirmed = false;  ///< it gave the manifest that is now held
  bool lagging = false;    ///< it gave an older one than is held
  std::string refused;     ///< why what it offered was refused; empty if it was not
  Errc refused_code = Errc::internal;
  std::string refused_hint;  ///< where it is not that of the code
  std::string root_refused;  ///< why the root it offered was refused
  Errc root_refused_code = Errc::internal;
  std::string failed;                     ///< why it could not be asked
  std::string failed_reason;              ///< the same as a stable word, for metrics
  Errc failed_code = Errc::fetch_failed;  ///< another where this machine could not even ask
  std::string failed_hint;
  std::string etag;  ///< what it calls the manifest that is now held; empty = nothing
  /// Whether it gave a second truth about a root: worse than whatever else it gave.
  [[nodiscard]] bool equivocates() const {
    return !root_refused.empty() && root_refused_code == Errc::equivocation;
  }
  [[nodiscard]] bool fine() const {
    return refused.empty() && root_refused.empty() && failed.empty() && !lagging;
  }
};

enum class CycleOutcome {
  adopted,
  confirmed,     ///< at least one source gave the very manifest that is held
  scheduled,     ///< a newer one is good, but this host's turn within `rollout` is to come
  root_expired,  ///< nothing may be adopted until a new root is published
  refused,       ///< something was offered, and nothing of it could be adopted
  failed,        ///< nothing usable was offered
};
[[nodiscard]] std::string_view cycle_outcome_name(CycleOutcome outcome);

struct CycleReport {
  CycleOutcome outcome = CycleOutcome::failed;
  std::vector<EndpointReport> endpoints;
  std::int64_t roots_added = 0;
  bool chain_end_seen = false;  ///< a source said that there is no newer root
  std::optional<Error> error;   ///< the one to show where nothing was adopted or confirmed
  /// A root that came later does not admit what was adopted in this cycle, and nobody offered what
  /// it does admit.
  bool disowned = false;
  bool not_written = false;  ///< failed: a manifest was adopted, and is not in the hosts file yet
  std::optional<Applied> applied;
  std::optional<AdmittedManifest> replaced;  ///< what was held before an adoption
  /// The highest that waits for its turn, if it is above what is held: also of a cycle that adopted
  /// or confirmed another.
  std::optional<ScheduledOffer> scheduled;
  std::string held_digest;  ///< of the manifest note now held, which the sources' ETags stand for
  [[nodiscard]] bool all_fine() const;
};

/// The error of a cycle that changed and confirmed nothing: what was offered and refused says more
/// than what could not be reached. `next_root` is the version that was asked for last.
[[nodiscard]] Error worst_error(const std::vector<EndpointReport>& endpoints,
                                std::int64_t next_root);

/// Of a cycle that adopted what is current now before it heard of the root that takes the signers
/// out.
[[nodiscard]] Error disowned_error(const Standing& standing);

}  // namespace hostspin
