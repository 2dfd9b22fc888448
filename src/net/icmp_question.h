#pragma once

#include <functional>
#include <string>

#include "event_loop.h"
#include "hostspin/ip.h"
#include "socket_address.h"

namespace hostspin {

/// After a connection's time-out: one UDP datagram to the same address, whose error queue tells
/// what TCP keeps to itself: which router sent which ICMP message (ip(7), IP_RECVERR).
class IcmpQuestion {
 public:
  /// What was learnt, for people; empty for silence.
  using Done = std::function<void(std::string text)>;

  /// `done` is called once, never from within the constructor, and may destroy this.
  IcmpQuestion(EventLoop& loop, const IPAddress& address, std::uint16_t port, Done done);
  IcmpQuestion(const IcmpQuestion&) = delete;
  IcmpQuestion& operator=(const IcmpQuestion&) = delete;
  ~IcmpQuestion();

 private:
  void read_errors();
  void finish(std::string text);

  EventLoop& loop_;
  Done done_;
  std::string text_;
  Descriptor socket_;
  EventLoop::Timer end_;
};

}  // namespace hostspin
