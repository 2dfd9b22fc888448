#include "tcp_connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "route_facts.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr std::array<milliseconds, 4> kStarts{milliseconds(0), milliseconds(250), milliseconds(500),
                                              milliseconds(750)};
// Linux gives up neighbour discovery after three questions, a second apart.
constexpr milliseconds kNextHopGivenUp{1000};

milliseconds since(SteadyTime start) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
}

int pending_error(int fd) {
  int error_number = 0;
  socklen_t size = sizeof error_number;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error_number, &size) == 0 ? error_number : errno;
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
      return Verdict::no_route;
    case EAFNOSUPPORT:
      return Verdict::no_family;
    case EACCES:  // a "prohibit" route
    case EPERM:   // an output filter
      return Verdict::local_firewall;
    case EADDRNOTAVAIL:  // no source address, or no port left
    case EAGAIN:         // no port left, says UDP
      return Verdict::source_address;
    case ECONNREFUSED:  // on loopback the answer is faster than the call
      return Verdict::refused;
    case ECONNRESET:
      return Verdict::reset;
    case ETIMEDOUT:
      return Verdict::tcp_timeout;
    default:
      return is_shortage(error_number) ? Verdict::local_limit : Verdict::internal;
  }
}

LocalFault local_fault(int error_number, const IPAddress& address) {
  LocalFault fault{verdict_of_local_errno(error_number), strerror(error_number)};
  const std::string family = address.is_v6() ? "IPv6" : "IPv4";
  switch (fault.verdict) {
    case Verdict::no_family:
      fault.detail = "this machine has no " + family;
      break;
    case Verdict::no_route:
    case Verdict::source_address:
      if (lacks_family(address.is_v6())) {
        return {Verdict::no_family, "this machine has no route of " + family + " at all"};
      }
      if (fault.verdict == Verdict::source_address) {
        fault.detail = "no local address or port to send from (net.ipv4.ip_local_port_range)";
      }
      break;
    case Verdict::local_limit:
      fault.detail = error_number == EMFILE
                         ? "no file descriptor was free (ulimit -n, LimitNOFILE=)"
                         : "this machine had no room for a socket: " + fault.detail;
      break;
    default:
      break;
  }
  return fault;
}

bool is_worth_waiting(int error_number, const IPAddress& address) {
  if (is_shortage(error_number)) return true;
  return verdict_of_local_errno(error_number) == Verdict::source_address &&
         !lacks_family(address.is_v6());
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
      address_(address),
      target_(address, port),
      started_(std::chrono::steady_clock::now()),
      limit_(limit),
      done_(std::move(done)),
      room_until_(started_ + kShortageLimit) {
  try_socket();
}

TcpConnect::~TcpConnect() { close_all(); }

// A machine that stalls starts the last socket late. It then has its full share all the same: what
// this machine missed is no verdict on another.
void TcpConnect::time_up() {
  const SteadyTime last_share = last_start_ + (limit_ - kStarts[tried_ - 1]);
  if (std::chrono::steady_clock::now() < last_share) {
    end_ = loop_.at(last_share, [this] { time_up(); });
  } else if (shortage_ != 0) {
    fail_here(shortage_);  // fewer sockets than it takes to say that nobody answers
  } else {
    fail(Verdict::tcp_timeout, 0);
  }
}

void TcpConnect::try_socket() {
  const std::size_t index = tried_++;
  last_start_ = std::chrono::steady_clock::now();
  if (index == 0) {
    loop_.cancel(end_);
    started_ = last_start_;
    end_ = loop_.at(started_ + limit_, [this] { time_up(); });
  }
  Descriptor& socket = sockets_[index];
  socket = Descriptor(::socket(target_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool begun = socket && ::connect(socket.get(), target_.get(), target_.size) == 0;
  const int error_number = begun ? 0 : errno;
  if (!begun && error_number != EINPROGRESS) {
    socket = Descriptor();
    if (wait_for_room(index, error_number)) return;
    // A later socket that cannot even begin says less than the first one, which still waits.
    if (index == 0) fail_here(error_number);
    return;
  }
  shortage_ = 0;
  // Once is enough, and whoever only keeps the connection then need not tell epoll to be silent.
  if (!loop_.watch(socket.get(), EPOLLOUT | EPOLLONESHOT,
                   [this, index](std::uint32_t events) { on_ready(index, events); })) {
    return fail_here(errno);
  }
  if (tried_ < kStarts.size() && kStarts[tried_] < limit_) {
    next_ = loop_.at(started_ + kStarts[tried_], [this] { try_socket(); });
  }
}

// What we lack may be there soon: others of our own connections end all the time.
bool TcpConnect::wait_for_room(std::size_t index, int error_number) {
  const SteadyTime next = std::chrono::steady_clock::now() + kShortagePause;
  if (index == 0 && next > room_until_) return false;
  if (!is_worth_waiting(error_number, address_)) return false;
  tried_ = index;
  shortage_ = error_number;
  if (index == 0) loop_.cancel(end_);
  next_ = loop_.at(next, [this] { try_socket(); });
  return true;
}

void TcpConnect::fail_here(int error_number) {
  LocalFault fault = local_fault(error_number, address_);
  fail(fault.verdict, error_number);
  outcome_.detail = std::move(fault.detail);
}

void TcpConnect::on_ready(std::size_t index, std::uint32_t events) {
  Descriptor& socket = sockets_[index];
  const int error_number = (events & (EPOLLERR | EPOLLHUP)) != 0 ? pending_error(socket.get()) : 0;
  // It was made, and what the peer said before it reset it can still be read.
  const bool is_reset = error_number == ECONNRESET || error_number == EPIPE;
  if (error_number != 0 && !is_reset) {
    return fail(verdict_of_remote_errno(error_number, since(started_)), error_number);
  }
  loop_.unwatch(socket.get());
  Connected outcome;
  outcome.error_number = is_reset ? ECONNRESET : 0;
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
  for (Descriptor& socket : sockets_) loop_.close(socket);
}

}  // namespace hostspin
