#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "descriptor.h"
#include "event_loop.h"
#include "lingering_close.h"

namespace hostspin {

/// Whether a server that accepted a connection closes it at once, as a balancer without back ends
/// does. Each connection is watched for a quarter of a second, which a lost end of it survives, and
/// all at the same time; where there are more than `room`, the oldest has to do with less, and from
/// then on all others with as much, so that a crowd is not kept waiting. It is looked at once, at
/// the end of its share: what comes before needs no call. Then it is closed without a reset, by
/// LingeringClose where there is no crowd.
class CloseWatch {
 public:
  using Tag = std::uint64_t;
  struct Seen {
    bool closed = false;
    int error_number = 0;  ///< closed by a reset
  };
  /// Called once for each connection, never from within watch() or give_up().
  using Done = std::function<void(Tag tag, Seen seen)>;

  CloseWatch(EventLoop& loop, LingeringClose& lingering, std::size_t room, Done done)
      : loop_(loop), lingering_(lingering), room_(room), done_(std::move(done)) {}
  CloseWatch(const CloseWatch&) = delete;
  CloseWatch& operator=(const CloseWatch&) = delete;
  ~CloseWatch();

  /// To be called only while has_room().
  void watch(Tag tag, Descriptor socket);
  [[nodiscard]] bool has_room() const { return connections_.size() < room_; }
  /// How many are watched.
  [[nodiscard]] std::size_t count() const { return connections_.size(); }
  /// Closes them all; done is called for none.
  void give_up();

 private:
  static constexpr std::chrono::steady_clock::duration kShareOfAll = std::chrono::milliseconds(250);
  struct Connection {
    Tag tag = 0;
    Descriptor socket;
    SteadyTime since;
  };

  void wait_for_oldest();
  void oldest_due();

  EventLoop& loop_;
  LingeringClose& lingering_;
  const std::size_t room_;
  const Done done_;
  std::deque<Connection> connections_;  // by age
  std::chrono::steady_clock::duration share_ = kShareOfAll;
  EventLoop::Timer due_;
};

}  // namespace hostspin
