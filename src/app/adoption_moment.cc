#include "adoption_moment.h"

#include <algorithm>

namespace hostspin {

void AdoptionMoment::begin(std::size_t sources) {
  chain_end_at_.reset();
  for (std::size_t i = 0; i < sources; ++i) silent_.insert(i);
}

void AdoptionMoment::end_chain(Time now) {
  if (!chain_end_at_) chain_end_at_ = now;
}

std::optional<AdoptionMoment::Time> AdoptionMoment::moment(std::optional<Time> all_asked_at) const {
  if (!chain_end_at_ || silent_.empty()) return chain_end_at_;
  if (!all_asked_at) return std::nullopt;
  return std::max(*chain_end_at_, *all_asked_at) + kRootPatience;
}

bool AdoptionMoment::has_come(Time now, std::optional<Time> all_asked_at) const {
  const std::optional<Time> at = moment(all_asked_at);
  return at && *at <= now;
}

AdoptionMoment::Time AdoptionMoment::wake_at(Time now, std::optional<Time> all_asked_at) const {
  const std::optional<Time> at = moment(all_asked_at);
  return at && *at > now ? *at : Time::max();
}

}  // namespace hostspin
