#pragma once

#include <sys/socket.h>

#include <cstdint>

#include "hostspin/ip.h"

namespace hostspin {

/// An address and a port as the socket calls take them.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  SocketAddress(const IPAddress& address, std::uint16_t port);

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] int family() const { return storage.ss_family; }
  /// Whether `other` is the same family, address and port.
  [[nodiscard]] bool equals(const sockaddr* other, socklen_t other_size) const;
};

}  // namespace hostspin
