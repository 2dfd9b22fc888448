#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>

#include "event_loop.h"
#include "hostspin/ip.h"
#include "icmp_error.h"

namespace hostspin {

/// After a TLS time-out, whose commonest cause is a path that loses large packets without a word:
/// two datagrams to the same address, a small one and one that fills a packet, neither of which may
/// be fragmented. Whether each is answered, by ICMP, tells whether the way there takes it.
class MtuQuestion {
 public:
  /// What was learnt, for people; empty where nothing can be sent.
  using Done = std::function<void(std::string text)>;

  /// `done` is called once, never from within the constructor, and may destroy this.
  MtuQuestion(EventLoop& loop, const IPAddress& address, std::uint16_t port, Done done);
  MtuQuestion(const MtuQuestion&) = delete;
  MtuQuestion& operator=(const MtuQuestion&) = delete;
  ~MtuQuestion();

 private:
  enum Size : std::size_t { small, large };
  struct Datagram {
    Descriptor socket;
    std::optional<IcmpError> answer;
  };

  bool send(Size size, std::uint16_t port);
  void read(Size size);
  void finish();
  [[nodiscard]] std::string words() const;

  EventLoop& loop_;
  const IPAddress address_;
  Done done_;
  std::size_t mtu_ = 0;  // of the way there, as far as this machine knows; 0 where it does not
  std::array<Datagram, 2> datagrams_;
  EventLoop::Timer end_;
};

}  // namespace hostspin
