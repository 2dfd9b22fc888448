#include "hostspin/admission.h"

#include <algorithm>

#include "hostspin/version.h"

namespace hostspin {
namespace {

using std::chrono::sys_seconds;

constexpr std::size_t kMachineIdDigits = 32;

std::string rank_text(std::pair<std::int64_t, std::int64_t> rank) {
  return "epoch " + std::to_string(rank.first) + " version " + std::to_string(rank.second);
}

bool is_machine_id(std::string_view text) {
  return text.size() == kMachineIdDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Whether `rollout` asks this host to wait. One without a good manifest of its own does not.
bool must_wait(const AdmittedManifest& offer, const Held& held, const Staging& staging,
               sys_seconds now) {
  const Manifest& manifest = offer.manifest();
  if (manifest.rollout.count() == 0 || staging.adopt_now || !is_machine_id(staging.machine_id)) {
    return false;
  }
  if (held.current == nullptr || held.current->expired(now)) return false;
  if (held.rotated_keys || held.state_lost) return false;
  if (now < manifest.issued) return false;  // this host's clock is wrong: its moment may never come
  return now < adoption_time(manifest, staging);
}

}  // namespace

Result<Adoption> judge_offer(const AdmittedManifest& offer, const Held& held,
                             const Staging& staging, sys_seconds now) {
  // U9
  if (held.current != nullptr) {
    if (offer.rank() == held.current->rank()) {
      if (offer.text() == held.current->text()) return Adoption::same;
      return {Errc::equivocation, rank_text(offer.rank()) + " is held here with another text (" +
                                      held.current->short_digest() + ", offered " +
                                      offer.short_digest() + ")"};
    }
    if (offer.rank() < held.current->rank()) {
      return {Errc::rollback, "manifest " + rank_text(offer.rank()) +
                                  " is older than the accepted " + rank_text(held.current->rank())};
    }
  }
  if (held.floor && offer.rank() < *held.floor) {
    return {Errc::rollback, "manifest " + rank_text(offer.rank()) +
                                " is older than what this host had, " + rank_text(*held.floor)};
  }

  // U10: forward only. An expired manifest that is newer than an expired one is the better of two.
  if (offer.expired(now) && held.current != nullptr && !held.current->expired(now)) {
    return {Errc::expired, "manifest " + rank_text(offer.rank()) + " has expired"};
  }
  return must_wait(offer, held, staging, now) ? Adoption::scheduled : Adoption::adopt;
}

sys_seconds adoption_time(const Manifest& manifest, const Staging& host) {
  std::string hashed = host.machine_id + '\n' + host.own_name;
  hashed += '\n' + manifest.fleet + '\n' + std::to_string(manifest.version) + '\n';
  const Sha256 digest = sha256(hashed);
  std::uint64_t fraction = 0;  // of 2^64
  for (std::size_t i = 0; i < 8; ++i) fraction = (fraction << 8U) | digest[i];

  // rollout × fraction / 2^64 in whole seconds: below 2^17 × 2^64, hence in two halves.
  const auto rollout = static_cast<std::uint64_t>(std::chrono::seconds(manifest.rollout).count());
  const std::uint64_t low = (fraction & 0xffffffffU) * rollout;
  const std::uint64_t high = (fraction >> 32U) * rollout + (low >> 32U);
  return manifest.issued + std::chrono::seconds(static_cast<std::int64_t>(high >> 32U));
}

sys_seconds believed_time(sys_seconds system_clock, const TrustRoot& root) {
  const sys_seconds built{std::chrono::seconds(kBuildTime)};
  return std::max({system_clock, built, root.document().issued});
}

}  // namespace hostspin
