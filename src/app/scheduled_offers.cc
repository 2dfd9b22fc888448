#include "scheduled_offers.h"

namespace hostspin {

std::optional<Error> ScheduledOffers::note(const AdmittedManifest& offer,
                                           std::chrono::sys_seconds adopts_at) {
  const Manifest& manifest = offer.manifest();
  const ScheduledOffer now{manifest.epoch, manifest.version, offer.short_digest(), adopts_at,
                           offer.note_bytes()};
  ScheduledOffer& known = offers_.try_emplace(now.rank(), now).first->second;
  const bool is_awaited = awaited_ && awaited_->rank() == now.rank();
  const std::string first = is_awaited ? awaited_->sha256 : known.sha256;
  if (now.sha256 == first) {
    known = now;
    return std::nullopt;
  }
  return Error{Errc::equivocation, "epoch " + std::to_string(now.epoch) + " version " +
                                       std::to_string(now.version) +
                                       " is scheduled here with another text (" + first +
                                       ", offered " + now.sha256 + ")"};
}

std::optional<ScheduledOffer> ScheduledOffers::highest_above(
    const std::optional<AdmittedManifest>& held) const {
  if (offers_.empty()) return std::nullopt;
  const ScheduledOffer& highest = offers_.rbegin()->second;
  if (held && held->rank() >= highest.rank()) return std::nullopt;
  return highest;
}

}  // namespace hostspin
