#include <netinet/in.h>
#include <sys/socket.h>
// After the socket headers, which it needs.
#include <array>
#include <cstring>

#include "icmp_error.h"

namespace hostspin {
namespace {

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

}  // namespace

bool keep_icmp_errors(int socket, bool v6) {
  const int on = 1;
  return v6 ? ::setsockopt(socket, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on) == 0
            : ::setsockopt(socket, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0;
}

std::optional<IcmpError> take_icmp_error(int socket) {
  std::array<char, 512> payload;
  alignas(cmsghdr) std::array<unsigned char, 512> control;
  iovec part{payload.data(), payload.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(socket, &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return std::nullopt;
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

std::string icmp_words(const IcmpError& found) {
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

}  // namespace hostspin
