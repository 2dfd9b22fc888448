#include "ntp_probe.h"

#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "tcp_connect.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPacketBytes = 48;
constexpr std::size_t kOriginateAt = 24;
constexpr std::size_t kTransmitAt = 40;
constexpr unsigned kModeClient = 3;
constexpr unsigned kModeServer = 4;
constexpr unsigned kVersion = 4;
constexpr unsigned kNotSynchronised = 3;
constexpr unsigned kStratumMax = 15;
constexpr std::array<milliseconds, 3> kSends{milliseconds(0), milliseconds(250), milliseconds(750)};

unsigned byte_at(std::string_view packet, std::size_t index) {
  return static_cast<unsigned char>(packet[index]);
}

}  // namespace

NtpAnswer judge_ntp_answer(std::string_view packet, std::string_view nonce) {
  if (packet.size() < kPacketBytes) return {Verdict::ntp_bad, "an answer that is too short"};
  const unsigned leap = byte_at(packet, 0) >> 6U;
  const unsigned mode = byte_at(packet, 0) & 7U;
  const unsigned stratum = byte_at(packet, 1);
  if (mode != kModeServer) return {Verdict::ntp_bad, "an answer that is not a server's"};
  if (packet.substr(kOriginateAt, nonce.size()) != nonce) {
    return {Verdict::ntp_bad, "an answer to another question"};
  }
  if (stratum == 0) {
    return {Verdict::ntp_bad, "refuses, kiss code " + quoted(packet.substr(12, 4))};
  }
  if (stratum > kStratumMax || leap == kNotSynchronised) {
    return {Verdict::ntp_bad, "is not synchronised itself"};
  }
  if (packet.substr(kTransmitAt, 8) == std::string_view("\0\0\0\0\0\0\0\0", 8)) {
    return {Verdict::ntp_bad, "an answer without a time"};
  }
  return {Verdict::ok, "stratum " + std::to_string(stratum)};
}

NtpProbe::NtpProbe(EventLoop& loop, const IPAddress& address, std::uint16_t port,
                   milliseconds limit, Done done)
    : loop_(loop),
      started_(std::chrono::steady_clock::now()),
      limit_(limit),
      done_(std::move(done)) {
  end_ = loop_.at(started_ + limit_, [this] {
    finish(Verdict::ntp_bad, 0, "no answer within " + std::to_string(limit_.count()) + " ms");
  });
  const SocketAddress target(address, port);
  socket_ = Descriptor(::socket(target.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_ || ::connect(socket_.get(), target.get(), target.size) != 0) {
    const int error_number = errno;
    finish(verdict_of_local_errno(error_number), error_number, strerror(error_number));
    return;
  }
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
  packet[0] = static_cast<char>((kVersion << 3U) | kModeClient);
  std::copy(nonce_.begin(), nonce_.end(), packet.begin() + kTransmitAt);
  ++sent_;
  if (::send(socket_.get(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0) {
    const int error_number = errno;
    // An error of an earlier datagram is told by the next call (udp(7)).
    const Verdict verdict = sent_ > 1 || error_number == ECONNREFUSED
                                ? verdict_of_remote_errno(error_number, milliseconds(0))
                                : verdict_of_local_errno(error_number);
    return finish(verdict, error_number, strerror(error_number));
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
    return finish(verdict_of_remote_errno(error_number, milliseconds(0)), error_number,
                  strerror(error_number));
  }
  NtpAnswer answer = judge_ntp_answer({packet.data(), static_cast<std::size_t>(size)},
                                      {nonce_.data(), nonce_.size()});
  finish(answer.verdict, 0, std::move(answer.detail));
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
