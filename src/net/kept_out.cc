#include "kept_out.h"

#include "http_client.h"

namespace hostspin {
namespace {

bool is_loopback(const IPAddress& address) {
  const auto& bytes = address.bytes();
  if (!address.is_v6()) return bytes[0] == 127;
  static const Result<IPAddress> loopback = IPAddress::parse("::1");
  return loopback && address == *loopback;
}

bool is_kept_out(const IPAddress& address) {
  return is_forbidden(address) && !is_loopback(address);
}

std::string detail_for(const IPAddress& address) {
  return address.to_string() + " is of the link, a metadata service or the like, and not asked";
}

}  // namespace

std::optional<FetchResult> keep_out(const FetchRequest& request) {
  std::optional<IPAddress> address = request.address;
  if (const Result<Url> url = parse_url(request.url); url && url->literal) address = url->literal;
  if (!address || !is_kept_out(*address)) {
    if (request.proxy.empty()) return std::nullopt;
    const Result<IPEndpoint> proxy = parse_proxy(request.proxy);
    if (!proxy || !is_kept_out(proxy->address)) return std::nullopt;
    address = proxy->address;
  }
  FetchResult result;
  result.id = request.id;
  result.reason = verdict_name(Verdict::local_firewall);
  result.detail = detail_for(*address);
  return result;
}

std::optional<ProbeResult> keep_out(const ProbeRequest& request) {
  if (!is_kept_out(request.address)) return std::nullopt;
  ProbeResult result;
  result.id = request.id;
  result.verdict = Verdict::local_firewall;
  result.detail = detail_for(request.address);
  return result;
}

}  // namespace hostspin
