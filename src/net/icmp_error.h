#pragma once

#include <linux/errqueue.h>

#include <optional>
#include <string>

#include "hostspin/ip.h"

namespace hostspin {

/// What the error queue of a datagram's socket has: an ICMP message, or this machine's own
/// complaint (ip(7), IP_RECVERR).
struct IcmpError {
  sock_extended_err error{};
  std::optional<IPAddress> sender;  ///< the router, or the address itself
};

/// Lets `socket` keep such errors; false where the kernel does not.
[[nodiscard]] bool keep_icmp_errors(int socket, bool v6);
/// The next one, if there is any.
[[nodiscard]] std::optional<IcmpError> take_icmp_error(int socket);
/// "ICMP 3/13 from 10.9.0.254", for people.
[[nodiscard]] std::string icmp_words(const IcmpError& found);

}  // namespace hostspin
