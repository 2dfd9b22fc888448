#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "descriptor.h"
#include "event_loop.h"
#include "hostspin/worker_lines.h"
#include "socket_address.h"

namespace hostspin {

/// What a time server's answer is worth.
struct NtpAnswer {
  Verdict verdict = Verdict::ntp_bad;
  std::string detail;
};

/// Judges an SNTP answer (RFC 4330 section 5): it must echo `nonce`, the question's transmit time,
/// and come from a synchronised server.
[[nodiscard]] NtpAnswer judge_ntp_answer(std::string_view packet, std::string_view nonce);

/// One SNTP question to one address, sent again at +250 and +750 ms.
class NtpProbe {
 public:
  struct Outcome {
    Verdict verdict = Verdict::ntp_bad;
    int error_number = 0;
    std::string detail;
  };
  using Done = std::function<void(Outcome)>;

  /// `done` is called once, never from within the constructor, and may destroy this.
  NtpProbe(EventLoop& loop, const IPAddress& address, std::uint16_t port,
           std::chrono::milliseconds limit, Done done);
  NtpProbe(const NtpProbe&) = delete;
  NtpProbe& operator=(const NtpProbe&) = delete;
  ~NtpProbe();

 private:
  void send();
  void receive();
  void finish(Verdict verdict, int error_number, std::string detail);

  EventLoop& loop_;
  const SteadyTime started_;
  const std::chrono::milliseconds limit_;
  Done done_;
  Outcome outcome_;
  Descriptor socket_;
  std::array<char, 8> nonce_{};
  std::size_t sent_ = 0;
  EventLoop::Timer next_;
  EventLoop::Timer end_;
};

}  // namespace hostspin
