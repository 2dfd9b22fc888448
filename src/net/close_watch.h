#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

#include "descriptor.h"
#include "event_loop.h"

namespace hostspin {

/// Whether a server that accepted a connection closes it at once, as a balancer without back ends
/// does. Each connection is watched for a quarter of a second, which a lost end of it survives, and
/// all at the same time; where there are more than `room`, the oldest has to do with less, and from
/// then on all others with as much, so that a crowd is not kept waiting. Then it is closed without
/// a reset, as LingeringClose does.
class CloseWatch {
 public:
  using Tag = std::uint64_t;
  struct Seen {
    bool closed = false;
    int error_number = 0;  ///< closed by a reset
  };
  /// Called once for each connection, never from within watch().
  using Done = std::function<void(Tag tag, Seen seen)>;

  CloseWatch(EventLoop& loop, std::size_t room, Done done)
      : loop_(loop), room_(room), done_(std::move(done)) {}
  CloseWatch(const CloseWatch&) = delete;
  CloseWatch& operator=(const CloseWatch&) = delete;
  ~CloseWatch();

  /// To be called only while has_room().
  void watch(Tag tag, Descriptor socket);
  [[nodiscard]] bool has_room() const { return watched_ < room_; }
  /// How many are watched or closing.
  [[nodiscard]] std::size_t count() const { return open_; }

 private:
  using Number = std::uint64_t;
  struct Connection {
    Tag tag = 0;
    Descriptor socket;  // none: it is over
    SteadyTime since;   // it is watched, or closing
    std::size_t bytes = 0;
  };

  void ready(Number number);
  void wait_for_oldest();
  void oldest_due();
  void begin_to_close(Number number);
  void report(Number number, Seen seen);
  void drop(Number number);
  [[nodiscard]] Connection& at(Number number) { return connections_[number - first_]; }
  [[nodiscard]] Number end() const { return first_ + connections_.size(); }

  EventLoop& loop_;
  const std::size_t room_;
  const Done done_;
  std::deque<Connection> connections_;  // by age; those that close first
  Number first_ = 0;                    // of them
  Number first_watched_ = 0;
  std::size_t watched_ = 0;
  std::size_t open_ = 0;
  std::chrono::steady_clock::duration share_ = std::chrono::milliseconds(250);
  EventLoop::Timer due_;
};

}  // namespace hostspin
