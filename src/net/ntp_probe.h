#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "descriptor.h"
#include "event_loop.h"
#include "hostspin/version.h"
#include "hostspin/worker_lines.h"
#include "socket_address.h"

namespace hostspin {

/// What a time server's answer is worth.
struct NtpAnswer {
  Verdict verdict = Verdict::ntp_bad;
  std::string detail;
  bool stray = false;  ///< no answer to this question at all: the right one may still come
};

/// Judges an SNTP answer (RFC 4330 section 5, RFC 5905 section 7.3): it must echo `nonce`, the
/// question's transmit time, come from a synchronised server whose distance to its own source is
/// below 16 s, and tell a time that can be. `now`, in seconds since 1970, is at least the build
/// time; a clock of ours that is wrong makes no server wrong within years of it.
[[nodiscard]] NtpAnswer judge_ntp_answer(std::string_view packet, std::string_view nonce,
                                         std::int64_t now = kBuildTime);

/// One SNTP question to one address, sent again at +250 and +750 ms. Packets that are no answer to
/// it are dropped. Where this machine has no descriptor or local port left, it waits for one.
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
  void open();
  void send();
  void receive();
  void time_up();
  void fail(int error_number);
  void fail_here(int error_number);
  void finish(Verdict verdict, int error_number, std::string detail);

  EventLoop& loop_;
  const IPAddress address_;
  const std::uint16_t port_;
  SteadyTime started_;
  const SteadyTime room_until_;
  const std::chrono::milliseconds limit_;
  Done done_;
  Outcome outcome_;
  Descriptor socket_;
  std::array<char, 8> nonce_{};
  std::size_t sent_ = 0;
  std::size_t strays_ = 0;
  std::string stray_;  ///< what the last of them was
  EventLoop::Timer next_;
  EventLoop::Timer end_;
};

}  // namespace hostspin
