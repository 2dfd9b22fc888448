#include "agent_schedule.h"

#include <algorithm>

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFailureFirst{5000};
constexpr milliseconds kFailureFloor{200};  // a source that refuses at once is not hammered
constexpr int kDoublingsMax = 10;

// Where the cause goes while a pass is failing: that pass, this wait and the next pass.
constexpr milliseconds kRetryFirst{400};
constexpr milliseconds kRetryMost{60000};
constexpr int kQuickRetries = 40;

constexpr milliseconds kDebounce{100};  // a writer's several steps are one event
// A writer without end. With the pass itself, and a machine that is busy, it stays below a second.
constexpr milliseconds kPassEach{750};

}  // namespace

RefreshSchedule::RefreshSchedule(std::uint64_t seed) : random_(seed) {}

/// Needs no quality, only that hosts differ, whatever their seeds (splitmix64).
milliseconds RefreshSchedule::below(milliseconds most) {
  if (most.count() <= 0) return milliseconds(0);
  random_ += 0x9e3779b97f4a7c15U;
  std::uint64_t mixed = random_;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
  mixed ^= mixed >> 31U;
  return milliseconds(static_cast<std::int64_t>(mixed % static_cast<std::uint64_t>(most.count())));
}

milliseconds RefreshSchedule::first(milliseconds splay) { return below(splay); }

milliseconds RefreshSchedule::after_success(milliseconds interval, milliseconds splay) {
  failures_ = 0;
  return interval + below(splay);
}

milliseconds RefreshSchedule::after_failure(milliseconds interval) {
  const int doublings = std::min(failures_++, kDoublingsMax);
  return kFailureFloor + below(std::min(interval, kFailureFirst * (1 << doublings)));
}

milliseconds RetryDelay::next() {
  const int doublings = std::clamp(++failures_ - kQuickRetries, 0, kDoublingsMax);
  return std::min(kRetryMost, kRetryFirst * (1 << doublings));
}

void Debounce::refill(Time now) {
  const double passes = std::chrono::duration<double, std::milli>(now - refilled_) / kPassEach;
  passes_ = std::min(kPassesAtOnce, passes_ + std::max(0.0, passes));
  refilled_ = now;
}

milliseconds Debounce::wait(Time now) {
  refill(now);
  return std::max(kDebounce, std::chrono::ceil<milliseconds>((1 - passes_) * kPassEach));
}

void Debounce::spend(Time now) {
  refill(now);
  passes_ = std::max(0.0, passes_ - 1);
}

}  // namespace hostspin
