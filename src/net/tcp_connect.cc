#include "tcp_connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr std::array<milliseconds, 4> kStarts{milliseconds(0), milliseconds(250),
                                              milliseconds(500), milliseconds(750)};
// Linux gives up neighbour discovery after three questions, a second apart.
constexpr milliseconds kNextHopGivenUp{1000};

milliseconds since(SteadyTime start) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

std::optional<std::int64_t> kernel_rtt(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  return info.tcpi_rtt;
}

}  // namespace

Verdict verdict_of_local_errno(int error_number) {
  switch (error_number) {
    case ENETUNREACH:
    case EHOSTUNREACH:  // an "unreachable" route
    case EINVAL:        // a "blackhole" route
    case ENETDOWN:
    case EAFNOSUPPORT:  // no such family on this machine
      return Verdict::no_route;
    case EACCES:  // a "prohibit" route
    case EPERM:   // an output filter
      return Verdict::local_firewall;
    case EADDRNOTAVAIL:  // no source address, or no port left
      return Verdict::source_address;
    case ECONNREFUSED:  // on loopback the answer is faster than the call
      return Verdict::refused;
    case ECONNRESET:
      return Verdict::reset;
    case ETIMEDOUT:
      return Verdict::tcp_timeout;
    default:
      return Verdict::internal;
  }
}

Verdict verdict_of_remote_errno(int error_number, milliseconds elapsed) {
  switch (error_number) {
    case ECONNREFUSED:
      return Verdict::refused;
    case ECONNRESET:
    case EPIPE:
      return Verdict::reset;
    case ETIMEDOUT:
      return Verdict::tcp_timeout;
    case EHOSTUNREACH:
      return elapsed >= kNextHopGivenUp ? Verdict::next_hop_dead : Verdict::unreachable;
    case ENETUNREACH:
    case EACCES:  // ICMPv6 administratively prohibited
    case EHOSTDOWN:
    case ENONET:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
    case EPROTO:
      return Verdict::unreachable;
    case EPERM:
      return Verdict::local_firewall;
    case EADDRNOTAVAIL:
      return Verdict::source_address;
    default:
      return Verdict::internal;
  }
}

TcpConnect::TcpConnect(EventLoop& loop, const IPAddress& address, std::uint16_t port,
                       milliseconds limit, Done done)
    : loop_(loop),
      target_(address, port),
      started_(std::chrono::steady_clock::now()),
      limit_(limit),
      done_(std::move(done)) {
  end_ = loop_.at(started_ + limit_, [this] { time_up(); });
  try_socket();
}

TcpConnect::~TcpConnect() { close_all(); }

// A machine that stalls starts the last socket late. It then has its full share all the same: what
// this machine missed is no verdict on another.
void TcpConnect::time_up() {
  const SteadyTime last_share = last_start_ + (limit_ - kStarts[tried_ - 1]);
  if (std::chrono::steady_clock::now() >= last_share) return fail(Verdict::tcp_timeout, 0);
  end_ = loop_.at(last_share, [this] { time_up(); });
}

void TcpConnect::try_socket() {
  const std::size_t index = tried_++;
  last_start_ = std::chrono::steady_clock::now();
  Descriptor& socket = sockets_[index];
  socket = Descriptor(::socket(target_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool begun = socket && ::connect(socket.get(), target_.get(), target_.size) == 0;
  const int error_number = begun ? 0 : errno;
  if (!begun && error_number != EINPROGRESS) {
    // A later socket that cannot even begin says less than the first one, which still waits.
    if (index == 0) return fail(verdict_of_local_errno(error_number), error_number);
    socket = Descriptor();
    return;
  }
  if (!loop_.watch(socket.get(), EPOLLOUT, [this, index](std::uint32_t) { on_ready(index); })) {
    return fail(Verdict::internal, errno);
  }
  if (tried_ < kStarts.size() && kStarts[tried_] < limit_) {
    next_ = loop_.at(started_ + kStarts[tried_], [this] { try_socket(); });
  }
}

void TcpConnect::on_ready(std::size_t index) {
  Descriptor& socket = sockets_[index];
  int error_number = 0;
  socklen_t size = sizeof error_number;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) {
    error_number = errno;
  }
  if (error_number != 0) {
    return fail(verdict_of_remote_errno(error_number, since(started_)), error_number);
  }
  loop_.unwatch(socket.get());
  Connected outcome;
  outcome.verdict = Verdict::ok;
  outcome.rtt_us = kernel_rtt(socket.get());
  outcome.socket = std::move(socket);
  finish(std::move(outcome));
}

void TcpConnect::fail(Verdict verdict, int error_number) {
  Connected outcome;
  outcome.verdict = verdict;
  outcome.error_number = error_number;
  if (error_number != 0) {
    outcome.detail = strerror(error_number);
  } else if (verdict == Verdict::tcp_timeout) {
    outcome.detail = std::to_string(tried_) + (tried_ == 1 ? " attempt" : " attempts") +
                     " unanswered in " + std::to_string(limit_.count()) + " ms";
  }
  finish(std::move(outcome));
}

void TcpConnect::finish(Connected outcome) {
  close_all();
  outcome_ = std::move(outcome);
  end_ = loop_.soon([this] {
    const Done done = std::move(done_);  // it may destroy this
    Connected result = std::move(outcome_);
    done(std::move(result));
  });
}

void TcpConnect::close_all() {
  loop_.cancel(next_);
  loop_.cancel(end_);
  for (Descriptor& socket : sockets_) {
    if (!socket) continue;
    loop_.unwatch(socket.get());
    socket = Descriptor();
  }
}

}  // namespace hostspin
