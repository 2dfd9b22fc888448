#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "hostspin/manifest.h"
#include "hostspin/result.h"
#include "hostspin/root.h"

namespace hostspin {

/// What this machine holds, as far as adopting an offer depends on it.
struct Held {
  /// The current manifest (S3); null if there is none.
  const AdmittedManifest* current = nullptr;
  /// (epoch, version) below which nothing is adopted: the held manifest, the seed, and the header of the
  /// present block where nothing else remembers. Nothing: no floor but the root's.
  std::optional<std::pair<std::int64_t, std::int64_t>> floor;
  bool rotated_keys = false;  ///< the current manifest passes only under an older root
  bool state_lost = false;    ///< the present block is of a newer manifest than the current one
};

enum class Adoption {
  adopt,
  same,     ///< the very text that is held
  scheduled,  ///< good, but this host's turn within `rollout` is still to come
};

/// What a staged rollout needs to know of the host; one without a machine_id adopts at once.
struct Staging {
  std::string machine_id;  ///< 32 hex digits
  std::string own_name;    ///< lower case, domain kept; empty if none. Cloned images share an ID
  bool adopt_now = false;  ///< refresh --now
};

/// U9 and U10: rollback, equivocation, expiry ("forward only") and `rollout`.
Result<Adoption> judge_offer(const AdmittedManifest& offer, const Held& held, const Staging& staging,
                             std::chrono::sys_seconds now);

/// The host's turn: `issued` + `rollout` × f, f by machine_id, own_name, fleet and version.
[[nodiscard]] std::chrono::sys_seconds adoption_time(const Manifest& manifest, const Staging& host);

/// The clock rule: the latest of the system clock, the build time and the trusted root's `issued`.
[[nodiscard]] std::chrono::sys_seconds believed_time(std::chrono::sys_seconds system_clock,
                                                     const TrustRoot& root);

}  // namespace hostspin
