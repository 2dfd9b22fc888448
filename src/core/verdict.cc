#include <array>
#include <cstddef>

#include "hostspin/worker_lines.h"

namespace hostspin {
namespace {

struct VerdictFacts {
  Verdict verdict;
  std::string_view name;
  std::string_view layer;
  std::string_view words;
};

// In the order of the enumeration, so that a verdict is its own index. The words are short: a line
// of `verify` holds them beside a name and an address. "ok" has no layer: nothing stopped it
// anywhere.
constexpr std::array kVerdicts{
    VerdictFacts{Verdict::ok, "ok", "-", "answers as it should"},
    VerdictFacts{Verdict::not_tried, "not_tried", "-", "the time was up before it was tried"},
    VerdictFacts{Verdict::local_limit, "local_limit", "-",
                 "this machine had no room for the attempt"},
    VerdictFacts{Verdict::no_family, "no_family", "L3", "this machine lacks its address family"},
    VerdictFacts{Verdict::no_route, "no_route", "L3", "this machine has no route to it"},
    VerdictFacts{Verdict::local_firewall, "local_firewall", "L3", "this machine itself forbids it"},
    VerdictFacts{Verdict::source_address, "source_address", "L3",
                 "no address or port to send from"},
    VerdictFacts{Verdict::next_hop_dead, "next_hop_dead", "L3", "the next hop does not answer"},
    VerdictFacts{Verdict::unreachable, "unreachable", "L3", "a router or firewall says no"},
    VerdictFacts{Verdict::refused, "refused", "L4", "nothing listens on that port"},
    VerdictFacts{Verdict::reset, "reset", "L4", "cut off by the other side"},
    VerdictFacts{Verdict::closed_at_once, "closed_at_once", "L4",
                 "accepts connections and closes them at once"},
    VerdictFacts{Verdict::tcp_timeout, "tcp_timeout", "L4", "no answer to any attempt"},
    VerdictFacts{Verdict::tls_timeout, "tls_timeout", "L6", "the TLS handshake never ended"},
    VerdictFacts{Verdict::tls_protocol, "tls_protocol", "L6", "the TLS handshake failed"},
    VerdictFacts{Verdict::tls_client_certificate, "tls_client_certificate", "L6",
                 "it demands a client certificate"},
    VerdictFacts{Verdict::tls_ca, "tls_ca", "L6", "not from the expected CA"},
    VerdictFacts{Verdict::tls_name, "tls_name", "L6", "the certificate is for another name"},
    VerdictFacts{Verdict::tls_expired, "tls_expired", "L6", "the certificate has expired"},
    VerdictFacts{Verdict::tls_not_yet_valid, "tls_not_yet_valid", "L6",
                 "the certificate is not valid yet"},
    VerdictFacts{Verdict::tls_purpose, "tls_purpose", "L6", "the certificate is not for servers"},
    VerdictFacts{Verdict::tls_constraint, "tls_constraint", "L6",
                 "its CA may not issue that certificate"},
    VerdictFacts{Verdict::tls_weak, "tls_weak", "L6", "a key or digest of its chain is weak"},
    VerdictFacts{Verdict::tls_chain, "tls_chain", "L6", "its certificate chain is not valid"},
    VerdictFacts{Verdict::tls_pin, "tls_pin", "L6", "its key is not a pinned one"},
    VerdictFacts{Verdict::http_timeout, "http_timeout", "L7", "no complete answer in time"},
    VerdictFacts{Verdict::http_protocol, "http_protocol", "L7", "its answer is not valid HTTP"},
    VerdictFacts{Verdict::http_status, "http_status", "L7", "its status is not an accepted one"},
    VerdictFacts{Verdict::http_body, "http_body", "L7", "it lacks the expected text"},
    VerdictFacts{Verdict::grpc_not_serving, "grpc_not_serving", "L7",
                 "its health service does not say SERVING"},
    VerdictFacts{Verdict::ntp_bad, "ntp_bad", "L7", "no sane answer from the time server"},
    VerdictFacts{Verdict::mysql_blocked, "mysql_blocked", "L7",
                 "the database server has blocked this host"},
    VerdictFacts{Verdict::mysql_full, "mysql_full", "L7",
                 "the database server has no connection left"},
    VerdictFacts{Verdict::mysql_timeout, "mysql_timeout", "L7",
                 "the database server's handshake never ended"},
    VerdictFacts{Verdict::mysql_bad, "mysql_bad", "L7", "no sane answer from the database server"},
    VerdictFacts{Verdict::flood, "flood", "L7", "it sends without end and never answers"},
    VerdictFacts{Verdict::unsupported, "unsupported", "-",
                 "this version does not know that kind of check"},
    VerdictFacts{Verdict::internal, "internal", "-", "this machine could not make the attempt"},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kVerdicts.size(); ++i) {
    if (static_cast<std::size_t>(kVerdicts[i].verdict) != i) return false;
  }
  return kVerdicts.size() == static_cast<std::size_t>(Verdict::internal) + 1;
}
static_assert(in_order());

const VerdictFacts& facts(Verdict verdict) { return kVerdicts[static_cast<std::size_t>(verdict)]; }

}  // namespace

std::string_view verdict_name(Verdict verdict) { return facts(verdict).name; }

std::optional<Verdict> verdict_from_name(std::string_view name) {
  for (const VerdictFacts& known : kVerdicts) {
    if (known.name == name) return known.verdict;
  }
  return std::nullopt;
}

std::string_view verdict_layer(Verdict verdict) { return facts(verdict).layer; }

std::string_view verdict_words(Verdict verdict) { return facts(verdict).words; }

}  // namespace hostspin
