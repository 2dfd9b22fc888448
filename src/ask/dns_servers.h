#pragma once

#include <string_view>
#include <vector>

#include "hostspin/worker_lines.h"

namespace hostspin {

inline constexpr std::size_t kDnsServersMax = 8;  ///< glibc itself uses three
/// Well below a question's own limit, so that a silent server is told as one.
inline constexpr std::chrono::milliseconds kDnsServerLimit{800};

/// The addresses of resolv.conf(5)'s "nameserver" lines, at most kDnsServersMax.
[[nodiscard]] std::vector<IPAddress> parse_dns_servers(std::string_view resolv_conf);

/// Asks each configured server at once, by UDP, for the IPv4 address of `name`: whether it answers,
/// not what. Empty where none is configured.
[[nodiscard]] std::vector<DnsServer> ask_dns_servers(const HostName& name);

/// A DNS question (RFC 1035 section 4.1) for an A record, recursion desired.
[[nodiscard]] std::string dns_question(std::uint16_t id, const HostName& name);
/// What a datagram says of the server that sent it; `silent` for none of ours.
[[nodiscard]] DnsServer::State judge_dns_answer(std::string_view datagram, std::uint16_t id);

}  // namespace hostspin
