#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "descriptor.h"
#include "hostspin/result.h"

namespace hostspin {

using SteadyTime = std::chrono::steady_clock::time_point;

/// One thread's events: file descriptors by epoll(7), and timers. A handler may watch, unwatch,
/// schedule and cancel anything, itself included.
class EventLoop {
 public:
  using Ready = std::function<void(std::uint32_t events)>;
  using Due = std::function<void()>;
  /// A scheduled call; the default one is none.
  struct Timer {
    SteadyTime when{};
    std::uint64_t number = 0;
    bool operator<(const Timer& other) const {
      return std::tie(when, number) < std::tie(other.when, other.number);
    }
  };

  /// Errc::internal where the kernel gives no epoll descriptor.
  static Result<EventLoop> make();

  /// Calls `ready` with EPOLL* bits whenever `events` (level-triggered) or an error is there;
  /// replaces an earlier watch of `fd`. False for a descriptor that cannot be waited on, such as a
  /// regular file.
  bool watch(int fd, std::uint32_t events, Ready ready);
  /// No call for `fd` comes any more, not even one that is already due. To be called before
  /// close(2). The kernel is told only when it reports something of `fd` again, and often need not
  /// be: a descriptor that is closed, or watched anew, by then costs no call.
  void unwatch(int fd);
  /// unwatch() and close(2) of a descriptor that has no duplicate: epoll forgets it by itself, and
  /// is told nothing, neither now nor when the number is used again.
  void close(Descriptor& descriptor);

  /// Calls `due` once, at `when` or soon after; at once, but never from within this call, if it is
  /// past.
  Timer at(SteadyTime when, Due due);
  Timer soon(Due due) { return at(SteadyTime{}, std::move(due)); }
  /// Forgets the call if it has not begun; resets `timer`.
  void cancel(Timer& timer);

  /// Waits for the next event or timer, and makes the calls that are due.
  void run_once();

 private:
  struct Watch {
    std::uint32_t generation = 0;
    Ready ready;
  };

  explicit EventLoop(Descriptor epoll) : epoll_(std::move(epoll)) {}
  bool control(int fd, epoll_event& event);
  void dispatch(int timeout_ms);
  void run_timers();

  void forget(std::size_t index);

  Descriptor epoll_;
  std::vector<std::unique_ptr<Watch>> watches_;  // by descriptor
  std::vector<bool> registered_;                 // by descriptor: what epoll was told
  std::vector<std::unique_ptr<Watch>> retired_;  // may be running; freed between two waits
  std::map<Timer, Due> timers_;
  std::uint32_t generation_ = 0;
  std::uint64_t timer_number_ = 0;
};

}  // namespace hostspin
