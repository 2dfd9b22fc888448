#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "descriptor.h"
#include "event_loop.h"
#include "hostspin/worker_lines.h"
#include "socket_address.h"

namespace hostspin {

/// What became of an attempt to connect.
struct Connected {
  Verdict verdict = Verdict::internal;  ///< ok, or why not
  int error_number = 0;                 ///< ok: ECONNRESET if the peer has reset it since
  Descriptor socket;                    ///< ok: connected, non-blocking
  std::optional<std::int64_t> rtt_us;   ///< ok: TCP_INFO's
  std::string detail;
};

/// One TCP connection to one address. The kernel sends a lost SYN again only after a second, so
/// further sockets try at +250, +500 and +750 ms; the first that connects wins. Where one SYN in
/// twenty is lost, all four are lost for 6 addresses in a million; for three it would be 125. Where
/// this machine has no descriptor or local port left, the attempt waits for one, and its limit
/// begins with the first socket.
class TcpConnect {
 public:
  using Done = std::function<void(Connected)>;

  /// Starts at once; `done` is called once, never from within the constructor, and may destroy
  /// this.
  TcpConnect(EventLoop& loop, const IPAddress& address, std::uint16_t port,
             std::chrono::milliseconds limit, Done done);
  TcpConnect(const TcpConnect&) = delete;
  TcpConnect& operator=(const TcpConnect&) = delete;
  ~TcpConnect();  ///< gives up silently

 private:
  static constexpr std::size_t kSockets = 4;

  void try_socket();
  [[nodiscard]] bool wait_for_room(std::size_t index, int error_number);
  void fail_here(int error_number);
  void time_up();
  void on_ready(std::size_t index, std::uint32_t events);
  void finish(Connected outcome);
  void fail(Verdict verdict, int error_number);
  void close_all();

  EventLoop& loop_;
  const IPAddress address_;
  const SocketAddress target_;
  SteadyTime started_;
  const std::chrono::milliseconds limit_;
  Done done_;
  Connected outcome_;
  std::array<Descriptor, kSockets> sockets_;
  std::size_t tried_ = 0;
  SteadyTime room_until_;  // how long a first socket is waited for
  int shortage_ = 0;       // why a socket could not be had, the last time
  SteadyTime last_start_{};
  EventLoop::Timer next_;
  EventLoop::Timer end_;
};

/// What socket(2) or connect(2) failing by itself says: our own routing, addresses and limits.
[[nodiscard]] Verdict verdict_of_local_errno(int error_number);
/// The same of an attempt at `address`, with words: a route that is missing because this machine
/// uses the other address family alone is a family that it lacks.
struct LocalFault {
  Verdict verdict = Verdict::internal;
  std::string detail;
};
[[nodiscard]] LocalFault local_fault(int error_number, const IPAddress& address);
/// Whether room for another socket or local port may be there soon.
[[nodiscard]] bool is_worth_waiting(int error_number, const IPAddress& address);
/// What an error that arrived later says. `elapsed` since the first SYN tells a dead next hop,
/// about which the kernel itself gives up after seconds, from a router's answer.
[[nodiscard]] Verdict verdict_of_remote_errno(int error_number, std::chrono::milliseconds elapsed);

}  // namespace hostspin
