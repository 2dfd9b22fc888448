#pragma once

#include <cstddef>
#include <functional>
#include <map>

#include "descriptor.h"
#include "event_loop.h"

namespace hostspin {

/// Closes connections without a reset: a socket that is closed with unread bytes sends RST, which
/// services log. So each one is half-closed, drained until the other side closes too, and closed,
/// after a tenth of a second at the latest.
class LingeringClose {
 public:
  explicit LingeringClose(EventLoop& loop) : loop_(loop) {}
  LingeringClose(const LingeringClose&) = delete;
  LingeringClose& operator=(const LingeringClose&) = delete;
  ~LingeringClose();

  void close(Descriptor socket);
  [[nodiscard]] bool idle() const { return sockets_.empty(); }
  /// How many descriptors are still taken up.
  [[nodiscard]] std::size_t count() const { return sockets_.size(); }
  /// Calls `told` whenever one of them is free again; it must not close any. None to forget it.
  void when_fewer(std::function<void()> told) { told_ = std::move(told); }

 private:
  struct Draining {
    Descriptor socket;
    std::size_t bytes = 0;
    EventLoop::Timer limit;
  };
  void drain(int fd);
  void finish(int fd);

  EventLoop& loop_;
  std::map<int, Draining> sockets_;
  std::function<void()> told_;
};

}  // namespace hostspin
