#include "turns.h"

namespace hostspin {
namespace {

constexpr std::size_t kTurnsPerLap = 8;

}  // namespace

std::string flood_detail(std::size_t bytes) {
  constexpr std::size_t kKibibyte = 1024;
  return "sent " + std::to_string(bytes / kKibibyte) + " KiB and no answer";
}

void Turns::Place::ask() {
  if (key_.second != 0) return;
  key_ = {bytes_, ++turns_.arrivals_};
  turns_.waiting_.emplace(key_, this);
  if (turns_.lap_.number == 0)
    turns_.lap_ = turns_.loop_.soon([&turns = turns_] { turns.run_lap(); });
}

void Turns::Place::withdraw() {
  if (key_.second != 0) turns_.waiting_.erase(key_);
  key_ = {};
}

void Turns::run_lap() {
  lap_ = EventLoop::Timer{};
  const std::uint64_t newest = arrivals_;  // who asks again meanwhile waits for the next lap
  auto next = waiting_.begin();
  for (std::size_t taken = 0; taken < kTurnsPerLap && next != waiting_.end();) {
    if (next->first.second > newest) {
      ++next;
      continue;
    }
    Place& place = *next->second;
    place.withdraw();
    ++taken;
    place.take_();  // which may destroy it and others
    next = waiting_.begin();
  }
  if (!waiting_.empty() && lap_.number == 0) lap_ = loop_.soon([this] { run_lap(); });
}

}  // namespace hostspin
