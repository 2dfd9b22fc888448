#pragma once

#include <functional>
#include <memory>

#include "descriptor.h"
#include "event_loop.h"
#include "hostspin/manifest.h"
#include "tls_socket.h"
#include "tls_trust.h"
#include "turns.h"

namespace hostspin {

/// One verified TLS handshake on a connected socket, and no byte of an application's. Where the
/// server has asked for a client certificate, what it makes of there being none is waited for: with
/// TLS 1.3 it says so only after a handshake that looks complete.
class TlsProbe {
 public:
  struct Outcome {
    Verdict verdict = Verdict::internal;
    int error_number = 0;
    std::optional<int> days_left;
    std::string detail;
    Descriptor socket;  ///< to be closed gently
  };
  using Done = std::function<void(Outcome)>;

  /// `done` is called once, never from within the constructor, and may destroy this.
  TlsProbe(EventLoop& loop, Turns& turns, TlsTrust& trust, const Check& check, Descriptor socket,
           std::chrono::milliseconds limit, Done done);
  TlsProbe(const TlsProbe&) = delete;
  TlsProbe& operator=(const TlsProbe&) = delete;
  ~TlsProbe();

 private:
  bool set_up(TlsTrust& trust, const Check& check);
  void take_turn();
  void step();
  void wait(std::uint32_t events);
  void time_up();
  void judge_peer();
  void hear_out();
  void hear_no_more();
  void judge_failure();
  void finish(Verdict verdict, std::string detail = {});

  EventLoop& loop_;
  const std::vector<std::string> pins_;
  const std::chrono::milliseconds limit_;
  TlsSocket socket_;
  Turns::Place place_;
  Done done_;
  TlsFinding finding_;
  TlsTrust::Connection ssl_;  // reads from socket_
  std::uint32_t events_ = 0;  // waited for
  Outcome outcome_;
  EventLoop::Timer end_;
};

}  // namespace hostspin
