#include "socket_address.h"

#include <netinet/in.h>

#include <cstring>

namespace hostspin {

SocketAddress::SocketAddress(const IPAddress& address, std::uint16_t port) {
  if (address.is_v6()) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, address.bytes().data(), sizeof v6.sin6_addr);
    std::memcpy(&storage, &v6, sizeof v6);
    size = sizeof v6;
    return;
  }
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  std::memcpy(&v4.sin_addr, address.bytes().data(), sizeof v4.sin_addr);
  std::memcpy(&storage, &v4, sizeof v4);
  size = sizeof v4;
}

bool SocketAddress::equals(const sockaddr* other, socklen_t other_size) const {
  if (other_size < size || other->sa_family != storage.ss_family) return false;
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 a;
    sockaddr_in6 b;
    std::memcpy(&a, &storage, sizeof a);
    std::memcpy(&b, other, sizeof b);
    return a.sin6_port == b.sin6_port && std::memcmp(&a.sin6_addr, &b.sin6_addr, 16) == 0;
  }
  sockaddr_in a;
  sockaddr_in b;
  std::memcpy(&a, &storage, sizeof a);
  std::memcpy(&b, other, sizeof b);
  return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
}

}  // namespace hostspin
