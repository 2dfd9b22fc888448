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
};

enum class Adoption {
  adopt,
  same,     ///< the very text that is held
  waiting,  ///< good, but this host's moment within `spread` has not come
};

/// What the spread rule needs to know of the host; an empty machine_id adopts at once.
struct Staging {
  std::string machine_id;  ///< 32 hex digits
  bool adopt_now = false;  ///< refresh --now
};

/// U9 and U10: rollback, equivocation, expiry ("forward only") and spread.
Result<Adoption> judge_offer(const AdmittedManifest& offer, const Held& held, const Staging& staging,
                             std::chrono::sys_seconds now);

/// When the host adopts a manifest under `spread`.
[[nodiscard]] std::chrono::sys_seconds adoption_time(const Manifest& manifest,
                                                     std::string_view machine_id);

/// The clock rule: the latest of the system clock, the build time and the trusted root's `issued`.
[[nodiscard]] std::chrono::sys_seconds believed_time(std::chrono::sys_seconds system_clock,
                                                     const TrustRoot& root);

}  // namespace hostspin
