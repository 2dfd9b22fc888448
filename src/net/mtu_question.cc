#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
// After the socket headers, which it needs.
#include <algorithm>
#include <cerrno>

#include "mtu_question.h"
#include "socket_address.h"

namespace hostspin {
namespace {

constexpr std::chrono::milliseconds kLimit{300};
constexpr std::size_t kUdpHeader = 8;
constexpr std::size_t kIpv4Header = 20;
constexpr std::size_t kIpv6Header = 40;
constexpr std::size_t kMtuMax = 9216;  // of jumbo frames; loopback has more

std::size_t headers(bool v6) { return (v6 ? kIpv6Header : kIpv4Header) + kUdpHeader; }

std::size_t known_mtu(int socket, bool v6) {
  int mtu = 0;
  socklen_t size = sizeof mtu;
  const int done = v6 ? ::getsockopt(socket, IPPROTO_IPV6, IPV6_MTU, &mtu, &size)
                      : ::getsockopt(socket, IPPROTO_IP, IP_MTU, &mtu, &size);
  return done == 0 && mtu > 0 ? static_cast<std::size_t>(mtu) : 0;
}

}  // namespace

MtuQuestion::MtuQuestion(EventLoop& loop, const IPAddress& address, std::uint16_t port, Done done)
    : loop_(loop), address_(address), done_(std::move(done)) {
  end_ = loop_.at(std::chrono::steady_clock::now() + kLimit, [this] { finish(); });
  if (!send(small, port) || !send(large, port)) finish();
}

MtuQuestion::~MtuQuestion() {
  loop_.cancel(end_);
  for (const Datagram& datagram : datagrams_) {
    if (datagram.socket) loop_.unwatch(datagram.socket.get());
  }
}

// A datagram that fits the known MTU is sent whole, and marked so that no router cuts it (ip(7),
// IP_PMTUDISC_WANT, which is the default).
bool MtuQuestion::send(Size size, std::uint16_t port) {
  const SocketAddress target(address_, port);
  Descriptor& socket = datagrams_[size].socket;
  socket = Descriptor(::socket(target.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool v6 = address_.is_v6();
  if (!socket || !keep_icmp_errors(socket.get(), v6) ||
      ::connect(socket.get(), target.get(), target.size) != 0) {
    return false;
  }
  mtu_ = std::min(known_mtu(socket.get(), v6), kMtuMax);
  if (mtu_ <= headers(v6)) return false;
  const std::string bytes(size == large ? mtu_ - headers(v6) : 1, '\0');
  const ssize_t sent = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EMSGSIZE) return false;  // which the queue tells as well
  return loop_.watch(socket.get(), 0, [this, size](std::uint32_t) { read(size); });
}

void MtuQuestion::read(Size size) {
  Datagram& datagram = datagrams_[size];
  datagram.answer = take_icmp_error(datagram.socket.get());
  loop_.unwatch(datagram.socket.get());
  if (datagrams_[small].answer && datagrams_[large].answer) finish();
}

std::string MtuQuestion::words() const {
  if (mtu_ == 0) return "";
  const std::string packet = "a packet of " + std::to_string(mtu_) + " bytes";
  const std::optional<IcmpError>& told = datagrams_[large].answer;
  if (told && told->error.ee_errno == EMSGSIZE) {
    return packet + " is too large for the way to it, which takes " +
           std::to_string(told->error.ee_info) + " (" + icmp_words(*told) +
           "): a handshake's are lost where ICMP is blocked";
  }
  if (told) return packet + " reaches it: the MTU of the way there is not the cause";
  if (datagrams_[small].answer) {
    return packet + " is lost on the way to it, and a small one is not: the way's MTU is smaller, " +
           "and no router says so (is ICMP blocked?)";
  }
  const std::size_t payload = mtu_ - headers(address_.is_v6());
  return "a handshake's large packets may be lost on the way: compare 'ping -M do -s " +
         std::to_string(payload) + " " + address_.to_string() + "' with a plain ping";
}

void MtuQuestion::finish() {
  loop_.cancel(end_);
  for (const Datagram& datagram : datagrams_) {
    if (datagram.socket) loop_.unwatch(datagram.socket.get());
  }
  end_ = loop_.soon([this] {
    const Done done = std::move(done_);  // it may destroy this
    const std::string text = words();
    done(text);
  });
}

}  // namespace hostspin
