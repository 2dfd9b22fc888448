#include "icmp_question.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
// After the socket headers, which it needs.
#include <linux/errqueue.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace hostspin {
namespace {

constexpr std::chrono::milliseconds kLimit{300};

struct IcmpError {
  sock_extended_err error{};
  std::optional<IPAddress> sender;
};

std::optional<IPAddress> sender_of(const unsigned char* data, std::size_t size) {
  const std::size_t place = sizeof(sock_extended_err);  // SO_EE_OFFENDER
  sockaddr_in v4{};
  if (size >= place + sizeof v4) std::memcpy(&v4, data + place, sizeof v4);
  if (v4.sin_family == AF_INET) {
    return IPAddress::from_bytes(reinterpret_cast<const std::uint8_t*>(&v4.sin_addr), false);
  }
  sockaddr_in6 v6{};
  if (size >= place + sizeof v6) std::memcpy(&v6, data + place, sizeof v6);
  if (v6.sin6_family != AF_INET6) return std::nullopt;
  return IPAddress::from_bytes(reinterpret_cast<const std::uint8_t*>(&v6.sin6_addr), true);
}

std::optional<IcmpError> take_error(int fd) {
  std::array<char, 512> payload;
  alignas(cmsghdr) std::array<unsigned char, 512> control;
  iovec part{payload.data(), payload.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
  for (const cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr;
       one = CMSG_NXTHDR(&message, const_cast<cmsghdr*>(one))) {
    const bool v4 = one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_RECVERR;
    const bool v6 = one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6) continue;
    const std::size_t size = one->cmsg_len - CMSG_LEN(0);
    IcmpError found;
    if (size < sizeof found.error) return std::nullopt;
    std::memcpy(&found.error, CMSG_DATA(one), sizeof found.error);
    found.sender = sender_of(CMSG_DATA(one), size);
    return found;
  }
  return std::nullopt;
}

std::string text_of(const IcmpError& found) {
  const unsigned origin = found.error.ee_origin;
  if (origin != SO_EE_ORIGIN_ICMP && origin != SO_EE_ORIGIN_ICMP6) {
    return std::string("a datagram to it fails here: ") +
           strerror(static_cast<int>(found.error.ee_errno));
  }
  std::string text = origin == SO_EE_ORIGIN_ICMP ? "ICMP " : "ICMPv6 ";
  text += std::to_string(found.error.ee_type) + "/" + std::to_string(found.error.ee_code);
  if (found.sender) text += " from " + found.sender->to_string();
  return text;
}

}  // namespace

IcmpQuestion::IcmpQuestion(EventLoop& loop, const IPAddress& address, std::uint16_t port, Done done)
    : loop_(loop), done_(std::move(done)) {
  end_ = loop_.at(std::chrono::steady_clock::now() + kLimit, [this] { finish({}); });
  const SocketAddress target(address, port);
  socket_ = Descriptor(::socket(target.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  const int set = address.is_v6()
                      ? ::setsockopt(socket_.get(), IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on)
                      : ::setsockopt(socket_.get(), IPPROTO_IP, IP_RECVERR, &on, sizeof on);
  const bool sent = socket_ && set == 0 &&
                    ::connect(socket_.get(), target.get(), target.size) == 0 &&
                    ::send(socket_.get(), "", 1, MSG_NOSIGNAL) == 1;
  if (!sent) {
    const bool forbidden = errno == EPERM;
    finish(forbidden ? std::string("this machine's own firewall forbids a datagram to it (EPERM)")
                     : std::string("a datagram to it fails here: ") + strerror(errno));
    return;
  }
  if (!loop_.watch(socket_.get(), 0, [this](std::uint32_t) { read_errors(); })) finish({});
}

IcmpQuestion::~IcmpQuestion() {
  loop_.cancel(end_);
  if (socket_) loop_.unwatch(socket_.get());
}

void IcmpQuestion::read_errors() {
  if (const std::optional<IcmpError> found = take_error(socket_.get()); found) {
    finish(text_of(*found));
    return;
  }
  finish({});
}

void IcmpQuestion::finish(std::string text) {
  loop_.cancel(end_);
  if (socket_) loop_.unwatch(socket_.get());
  text_ = std::move(text);
  end_ = loop_.soon([this] {
    const Done done = std::move(done_);  // it may destroy this
    std::string result = std::move(text_);
    done(std::move(result));
  });
}

}  // namespace hostspin
