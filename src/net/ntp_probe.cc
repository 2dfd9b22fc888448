#include "ntp_probe.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "route_facts.h"
#include "tcp_connect.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPacketBytes = 48;
constexpr std::size_t kRootDelayAt = 4;
constexpr std::size_t kRootDispersionAt = 8;
constexpr std::size_t kReferenceIdAt = 12;
constexpr std::size_t kReferenceAt = 16;
constexpr std::size_t kOriginateAt = 24;
constexpr std::size_t kReceiveAt = 32;
constexpr std::size_t kTransmitAt = 40;
constexpr unsigned kModeClient = 3;
constexpr unsigned kModeServer = 4;
constexpr unsigned kProtocolVersion = 4;
constexpr unsigned kNotSynchronised = 3;
constexpr unsigned kStratumMax = 15;
constexpr std::array<milliseconds, 3> kSends{milliseconds(0), milliseconds(250), milliseconds(750)};
/// A flood of strays is no reason to go on reading.
constexpr std::size_t kStraysMax = 64;

constexpr double kRootDistanceMax = 16;              // RFC 5905's MAXDISP, in seconds
constexpr std::int64_t kNtpEpoch = -2208988800;      // 1900, in seconds since 1970
constexpr std::int64_t kEraSeconds = 1LL << 32U;     // NTP's seconds begin again in 2036
constexpr std::int64_t kEarliest = 1577836800;       // 2020: before any document of ours
constexpr std::int64_t kAheadMax = 20LL * 31557600;  // years that our own clock may be behind

unsigned byte_at(std::string_view packet, std::size_t index) {
  return static_cast<unsigned char>(packet[index]);
}

std::uint64_t number_at(std::string_view packet, std::size_t index, std::size_t bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < bytes; ++i) number = number << 8U | byte_at(packet, index + i);
  return number;
}

/// Whether one timestamp is later than another; 0 is none, and neither.
bool is_later(std::uint64_t one, std::uint64_t other) {
  return one != 0 && static_cast<std::int64_t>(one - other) > 0;
}

/// Seconds since 1970 of the first moment from 2020 on that the timestamp can mean.
std::int64_t unix_time(std::uint64_t timestamp) {
  const std::int64_t seconds = static_cast<std::int64_t>(timestamp >> 32U) + kNtpEpoch;
  return seconds < kEarliest ? seconds + kEraSeconds : seconds;
}

/// Half the round trip to the reference clock and all errors on the way, in seconds (RFC 5905).
double root_distance(std::string_view packet) {
  constexpr double kFraction = 65536;
  const auto delay = static_cast<std::int32_t>(number_at(packet, kRootDelayAt, 4));
  const auto dispersion = static_cast<std::uint32_t>(number_at(packet, kRootDispersionAt, 4));
  return delay / kFraction / 2 + dispersion / kFraction;
}

/// What a server of stratum 0 says: a kiss code (RFC 5905 section 7.4) or, as chronyd does, that it
/// has no source.
std::string refusal(std::string_view packet) {
  const std::string_view code = packet.substr(kReferenceIdAt, 4);
  const bool is_kiss = std::all_of(code.begin(), code.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
  if (!is_kiss) return "is not synchronised itself (stratum 0)";
  if (code == "INIT" || code == "STEP") {
    return "is not synchronised itself (kiss code " + quoted(code) + ")";
  }
  return "refuses, kiss code " + quoted(code);
}

/// As to a TCP connection: without it UDP keeps what routers say to itself (ip(7), IP_RECVERR).
void tell_all_errors(int socket) {
  const int on = 1;
  (void)::setsockopt(socket, IPPROTO_IP, IP_RECVERR, &on, sizeof on);  // one of them fits
  (void)::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on);
}

/// Whether the kernel waits in vain for whoever stands next on the way to it.
bool next_hop_is_silent(const IPAddress& address) {
  const std::optional<RouteFacts> route = route_to(address);
  return route && route->neighbour == RouteFacts::Neighbour::unanswered;
}

/// Why the time that it tells cannot be; empty where it can.
std::string time_complaint(std::string_view packet, std::int64_t now) {
  const std::uint64_t transmit = number_at(packet, kTransmitAt, 8);
  if (transmit == 0) return "an answer without a time";
  if (is_later(number_at(packet, kReferenceAt, 8), transmit)) {
    return "its time is implausible: earlier than when its own clock was set";
  }
  if (is_later(number_at(packet, kReceiveAt, 8), transmit)) {
    return "its time is implausible: it answered before it was asked";
  }
  if (unix_time(transmit) > std::max(now, kBuildTime) + kAheadMax) {
    // Of the two centuries that it can mean, none is near.
    return "its time is implausible: before 2020, or decades ahead";
  }
  return "";
}

}  // namespace

NtpAnswer judge_ntp_answer(std::string_view packet, std::string_view nonce, std::int64_t now) {
  const auto stray = [](std::string detail) {
    return NtpAnswer{Verdict::ntp_bad, std::move(detail), true};
  };
  const auto bad = [](std::string detail) {
    return NtpAnswer{Verdict::ntp_bad, std::move(detail), false};
  };
  if (packet.size() < kPacketBytes) return stray("an answer that is too short");
  const unsigned leap = byte_at(packet, 0) >> 6U;
  const unsigned mode = byte_at(packet, 0) & 7U;
  const unsigned stratum = byte_at(packet, 1);
  if (mode != kModeServer) return stray("an answer that is not a server's");
  if (packet.substr(kOriginateAt, nonce.size()) != nonce) {
    return stray("an answer to another question");
  }
  if (stratum == 0) return bad(refusal(packet));
  if (stratum > kStratumMax) {
    return bad("is not synchronised itself (stratum " + std::to_string(stratum) + ")");
  }
  if (leap == kNotSynchronised) return bad("is not synchronised itself (leap indicator 3)");
  if (const double distance = root_distance(packet); distance >= kRootDistanceMax) {
    return bad("is " + std::to_string(static_cast<std::int64_t>(distance)) +
               " s away from its own source (root distance; RFC 5905 allows 16 s)");
  }
  if (std::string complaint = time_complaint(packet, now); !complaint.empty()) {
    return bad(std::move(complaint));
  }
  return {Verdict::ok, "stratum " + std::to_string(stratum), false};
}

NtpProbe::NtpProbe(EventLoop& loop, const IPAddress& address, std::uint16_t port,
                   milliseconds limit, Done done)
    : loop_(loop),
      address_(address),
      port_(port),
      started_(std::chrono::steady_clock::now()),
      room_until_(started_ + kShortageLimit),
      limit_(limit),
      done_(std::move(done)) {
  open();
}

void NtpProbe::open() {
  next_ = EventLoop::Timer{};
  started_ = std::chrono::steady_clock::now();
  const SocketAddress target(address_, port_);
  socket_ = Descriptor(::socket(target.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket_) tell_all_errors(socket_.get());
  if (!socket_ || ::connect(socket_.get(), target.get(), target.size) != 0) {
    const int error_number = errno;
    socket_ = Descriptor();
    const SteadyTime again = started_ + kShortagePause;
    if (again <= room_until_ && is_worth_waiting(error_number, address_)) {
      next_ = loop_.at(again, [this] { open(); });
      return;
    }
    return fail_here(error_number);
  }
  end_ = loop_.at(started_ + limit_, [this] { time_up(); });
  // A random time says nothing of this machine's clock, and an answer without it is not to us.
  const bool random =
      ::getrandom(nonce_.data(), nonce_.size(), 0) == static_cast<ssize_t>(nonce_.size());
  if (!random || !loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { receive(); })) {
    finish(Verdict::internal, errno, "cannot ask");
    return;
  }
  send();
}

NtpProbe::~NtpProbe() {
  loop_.cancel(next_);
  loop_.cancel(end_);
  if (socket_) loop_.unwatch(socket_.get());
}

void NtpProbe::send() {
  std::array<char, kPacketBytes> packet{};
  packet[0] = static_cast<char>((kProtocolVersion << 3U) | kModeClient);
  std::copy(nonce_.begin(), nonce_.end(), packet.begin() + kTransmitAt);
  ++sent_;
  if (::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
    const int error_number = errno;
    // An error of an earlier datagram is told by the next call (udp(7)).
    if (sent_ > 1 || error_number == ECONNREFUSED) return fail(error_number);
    return fail_here(error_number);
  }
  if (sent_ < kSends.size() && kSends[sent_] < limit_) {
    next_ = loop_.at(started_ + kSends[sent_], [this] { send(); });
  }
}

void NtpProbe::receive() {
  std::array<char, 512> packet;
  const ssize_t size = ::recv(socket_.get(), packet.data(), packet.size(), 0);
  if (size < 0) {
    const int error_number = errno;
    if (error_number == EAGAIN || error_number == EINTR) return;
    return fail(error_number);
  }
  NtpAnswer answer = judge_ntp_answer({packet.data(), static_cast<std::size_t>(size)},
                                      {nonce_.data(), nonce_.size()}, ::time(nullptr));
  if (answer.stray && ++strays_ < kStraysMax) {
    stray_ = std::move(answer.detail);
    return;
  }
  finish(answer.verdict, 0, std::move(answer.detail));
}

void NtpProbe::fail(int error_number) {
  const auto elapsed =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started_);
  Verdict verdict = verdict_of_remote_errno(error_number, elapsed);
  if (verdict == Verdict::unreachable && next_hop_is_silent(address_)) {
    verdict = Verdict::next_hop_dead;
  }
  finish(verdict, error_number, strerror(error_number));
}

void NtpProbe::fail_here(int error_number) {
  LocalFault fault = local_fault(error_number, address_);
  finish(fault.verdict, error_number, std::move(fault.detail));
}

void NtpProbe::time_up() {
  std::string detail = "no answer within " + std::to_string(limit_.count()) + " ms";
  if (!stray_.empty()) return finish(Verdict::ntp_bad, 0, detail + ", only " + stray_);
  // The kernel gives up a dead next hop only after three seconds, but tells that it still waits.
  const bool dead = next_hop_is_silent(address_);
  finish(dead ? Verdict::next_hop_dead : Verdict::ntp_bad, 0, std::move(detail));
}

void NtpProbe::finish(Verdict verdict, int error_number, std::string detail) {
  loop_.cancel(next_);
  loop_.cancel(end_);
  if (socket_) loop_.unwatch(socket_.get());
  socket_ = Descriptor();
  outcome_ = Outcome{verdict, error_number, std::move(detail)};
  end_ = loop_.soon([this] {
    const Done done = std::move(done_);  // it may destroy this
    Outcome result = std::move(outcome_);
    done(std::move(result));
  });
}

}  // namespace hostspin
