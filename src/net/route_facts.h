#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hostspin/ip.h"

namespace hostspin {

/// How this machine would reach an address, as its kernel says (rtnetlink(7)).
struct RouteFacts {
  enum class Neighbour { unknown, alive, unanswered };

  int interface_index = 0;
  std::string interface_name;
  std::optional<IPAddress> gateway;  ///< none: the address is on the link itself
  std::optional<IPAddress> source;
  Neighbour neighbour = Neighbour::unknown;  ///< the gateway, or the address itself

  /// "via 10.9.0.254 dev eth0 from 10.9.0.1, which answers", for people.
  [[nodiscard]] std::string text() const;
};

/// Asks the kernel; nothing is sent. Empty where it has no route, or lets nobody ask.
[[nodiscard]] std::optional<RouteFacts> route_to(const IPAddress& address);

/// Whether this machine has routes to other machines, but none of that address family. Without any
/// route at all it lacks no family, but its network.
[[nodiscard]] bool lacks_family(bool v6);

}  // namespace hostspin
