#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "hostspin/manifest.h"
#include "hostspin/result.h"

namespace hostspin {

/// A manifest that is good, and whose turn on this host within its `rollout` is to come.
struct ScheduledOffer {
  std::int64_t epoch = 0;
  std::int64_t version = 0;
  std::string sha256;  ///< of its text, as a block's header gives it
  std::chrono::sys_seconds adopts_at;
  std::string note_bytes = {};  ///< empty where it is known from an earlier cycle
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> rank() const { return {epoch, version}; }
};

/// What one cycle hears of manifests that wait for their turn.
class ScheduledOffers {
 public:
  /// `awaited` is what an earlier cycle has found, and may be wrong: it is told by, and no more.
  explicit ScheduledOffers(std::optional<ScheduledOffer> awaited) : awaited_(std::move(awaited)) {}

  /// U9 for what is not held yet: Errc::equivocation for a second text of one version, which waits
  /// like the first, since nobody can say which of them is meant.
  [[nodiscard]] std::optional<Error> note(const AdmittedManifest& offer,
                                          std::chrono::sys_seconds adopts_at);
  /// The trusted root has changed: what was good under the old one may not be under this.
  void clear() { offers_.clear(); }

  /// What is held by now, or something lower, waits no more.
  [[nodiscard]] std::optional<ScheduledOffer> highest_above(
      const std::optional<AdmittedManifest>& held) const;

 private:
  std::optional<ScheduledOffer> awaited_;
  /// By epoch and version: of each the text that was awaited, or was heard first.
  std::map<std::pair<std::int64_t, std::int64_t>, ScheduledOffer> offers_;
};

}  // namespace hostspin
