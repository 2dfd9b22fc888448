#include "event_loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace hostspin {
namespace {

constexpr std::size_t kEventsPerWait = 256;
constexpr std::int64_t kWaitMsMax = 60000;

// A descriptor and the generation of its watch: an event that was fetched before the descriptor was
// closed and used again must not reach the new owner.
std::uint64_t tag(int fd, std::uint32_t generation) {
  return (std::uint64_t{generation} << 32U) | static_cast<std::uint32_t>(fd);
}

}  // namespace

Result<EventLoop> EventLoop::make() {
  Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return {Errc::internal, std::string("cannot create an epoll descriptor: ") + strerror(errno)};
  }
  return EventLoop(std::move(epoll));
}

// A descriptor that was closed has left epoll by itself, and its number may be a new one's.
bool EventLoop::control(int fd, epoll_event& event) {
  const auto index = static_cast<std::size_t>(fd);
  if (registered_[index]) {
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) return true;
    if (errno != ENOENT) return false;
  }
  registered_[index] = ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  return registered_[index];
}

bool EventLoop::watch(int fd, std::uint32_t events, Ready ready) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= watches_.size()) {
    watches_.resize(index + 1);
    registered_.resize(index + 1);
  }
  auto fresh = std::make_unique<Watch>(Watch{++generation_, std::move(ready)});
  epoll_event event{};
  event.events = events;
  event.data.u64 = tag(fd, fresh->generation);
  if (!control(fd, event)) return false;
  if (watches_[index] != nullptr) retired_.push_back(std::move(watches_[index]));
  watches_[index] = std::move(fresh);
  return true;
}

void EventLoop::unwatch(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (fd < 0 || index >= watches_.size() || watches_[index] == nullptr) return;
  retired_.push_back(std::move(watches_[index]));
}

void EventLoop::close(Descriptor& descriptor) {
  const auto index = static_cast<std::size_t>(descriptor.get());
  if (descriptor && index < watches_.size()) {
    if (watches_[index] != nullptr) retired_.push_back(std::move(watches_[index]));
    registered_[index] = false;
  }
  descriptor = Descriptor();
}

// It fails only for a descriptor that is closed already, which epoll has forgotten by itself.
void EventLoop::forget(std::size_t index) {
  if (index >= registered_.size() || !registered_[index]) return;
  (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, static_cast<int>(index), nullptr);
  registered_[index] = false;
}

EventLoop::Timer EventLoop::at(SteadyTime when, Due due) {
  const Timer timer{when, ++timer_number_};
  timers_.emplace(timer, std::move(due));
  return timer;
}

void EventLoop::cancel(Timer& timer) {
  if (timer.number != 0) timers_.erase(timer);
  timer = Timer{};
}

void EventLoop::run_once() {
  std::int64_t wait_ms = kWaitMsMax;
  if (!timers_.empty()) {
    const auto left = timers_.begin()->first.when - std::chrono::steady_clock::now();
    // Rounded up: a wait that ends a fraction early would spin until the timer is due.
    wait_ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  }
  dispatch(static_cast<int>(std::clamp<std::int64_t>(wait_ms, 0, kWaitMsMax)));
  run_timers();
  retired_.clear();
}

void EventLoop::dispatch(int timeout_ms) {
  std::array<epoll_event, kEventsPerWait> events;
  const int count =
      ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<std::size_t>(i)];
    const std::uint64_t event_tag = event.data.u64;
    const std::size_t index = event_tag & 0xffffffffU;
    Watch* watch = index < watches_.size() ? watches_[index].get() : nullptr;
    if (watch == nullptr) forget(index);
    if (watch == nullptr || watch->generation != event_tag >> 32U) continue;
    watch->ready(event.events);
  }
}

void EventLoop::run_timers() {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::uint64_t newest = timer_number_;  // what these calls schedule waits for the next round
  auto next = timers_.begin();
  while (next != timers_.end() && next->first.when <= now) {
    if (next->first.number > newest) {
      ++next;
      continue;
    }
    const auto call = timers_.extract(next);
    call.mapped()();
    next = timers_.begin();
  }
}

}  // namespace hostspin
