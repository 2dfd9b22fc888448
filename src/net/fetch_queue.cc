#include "fetch_queue.h"

#include <algorithm>
#include <utility>

namespace hostspin {

void FetchQueue::add(Item item) {
  Source& source = sources_[item.source];
  if (item.at_once || source.started.contains(item.server)) {
    source.at_once.push_back(std::move(item));
    return;
  }
  const auto place = std::upper_bound(
      source.waiting.begin(), source.waiting.end(), item, [](const Item& a, const Item& b) {
        return std::pair(a.priority, a.number) < std::pair(b.priority, b.number);
      });
  source.waiting.insert(place, std::move(item));
}

/// `at_once`: whether it was among those, which is not what it asked for where its server was
/// started.
void FetchQueue::start(Source& source, const Item& item, bool at_once, std::vector<Number>& taken) {
  ++(at_once ? source.at_once_at_work : source.hedged_at_work);
  at_work_[item.number] = {item.source, at_once, !item.at_once};
  taken.push_back(item.number);
}

/// The first server that waits, with all that is asked of it.
void FetchQueue::start_server(Source& source, SteadyTime now, std::vector<Number>& taken) {
  const std::string server = source.waiting.front().server;
  source.started.insert(server);
  source.next_server = now + kStagger;
  const auto others =
      std::stable_partition(source.waiting.begin(), source.waiting.end(),
                            [&server](const Item& item) { return item.server == server; });
  std::for_each(source.waiting.begin(), others,
                [&](const Item& item) { start(source, item, false, taken); });
  source.waiting.erase(source.waiting.begin(), others);
}

/// What one source may start without another place.
void FetchQueue::take_of(Source& source, SteadyTime now, std::vector<Number>& taken) {
  while (!source.at_once.empty() && source.at_once_at_work < kOfOneSourceMax) {
    start(source, source.at_once.front(), true, taken);
    source.at_once.pop_front();
  }
  while (source.placed && !source.waiting.empty() && now >= source.next_server &&
         source.hedged_at_work < kOfOneSourceMax) {
    start_server(source, now, taken);
  }
}

/// The source whose turn it is, of those that wait for a place.
FetchQueue::Source* FetchQueue::next_source() {
  Source* first = nullptr;
  for (auto& [number, source] : sources_) {
    if (source.placed || source.waiting.empty()) continue;
    const auto turn = [](const Source& one) {
      return std::pair(one.waiting.front().priority, one.waiting.front().number);
    };
    if (first == nullptr || turn(source) < turn(*first)) first = &source;
  }
  return first;
}

/// Since when each place is taken.
std::vector<SteadyTime> FetchQueue::places(SteadyTime now) const {
  std::vector<SteadyTime> since;
  for (const auto& [number, source] : sources_) {
    if (source.placed && now - *source.placed < kPlaceLimit) since.push_back(*source.placed);
  }
  return since;
}

std::vector<FetchQueue::Number> FetchQueue::take(SteadyTime now) {
  std::vector<Number> taken;
  for (auto& [number, source] : sources_) take_of(source, now, taken);
  while (now >= next_source_ && places(now).size() < kPlacesMax) {
    Source* source = next_source();
    if (source == nullptr) break;
    source->placed = now;
    start_server(*source, now, taken);
    next_source_ = now + kStagger;
  }
  return taken;
}

std::optional<SteadyTime> FetchQueue::next(SteadyTime now) const {
  std::optional<SteadyTime> next;
  const auto add = [&next](SteadyTime time) { next = next ? std::min(*next, time) : time; };
  bool one_waits = false;
  for (const auto& [number, source] : sources_) {
    if (!source.at_once.empty() && source.at_once_at_work < kOfOneSourceMax) return now;
    if (source.waiting.empty()) continue;
    if (!source.placed) {
      one_waits = true;
    } else if (source.hedged_at_work < kOfOneSourceMax) {
      add(source.next_server);
    }
  }
  if (!one_waits) return next;
  const std::vector<SteadyTime> taken = places(now);
  const bool full = taken.size() >= kPlacesMax;
  const SteadyTime free = full ? *std::min_element(taken.begin(), taken.end()) + kPlaceLimit : now;
  add(std::max(free, next_source_));
  return next;
}

void FetchQueue::end(Number number, bool failed) {
  if (failed) hurry(number);
  const auto found = at_work_.find(number);
  if (found == at_work_.end()) return;
  Source& source = sources_.at(found->second.source);
  --(found->second.at_once ? source.at_once_at_work : source.hedged_at_work);
  at_work_.erase(found);
  if (source.hedged_at_work == 0 && source.waiting.empty()) source.placed.reset();
}

void FetchQueue::hurry(Number number) {
  const auto found = at_work_.find(number);
  if (found == at_work_.end() || !found->second.hedged) return;
  sources_.at(found->second.source).next_server = SteadyTime{};
  next_source_ = SteadyTime{};
}

}  // namespace hostspin
