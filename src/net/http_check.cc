#include "http_check.h"

#include <algorithm>

namespace hostspin {
namespace {

constexpr std::size_t kContainsWithin = 65536;  // of a body
constexpr std::size_t kGrpcAnswerBytesMax = 4096;
constexpr std::size_t kGrpcPrefixBytes = 5;
constexpr std::size_t kGrpcServiceBytesMax = 253;  // what the worker's protocol carries

std::string host_with_port(const std::string& host, const Url& url) {
  const bool usual = url.port == (url.tls ? 443 : 80);
  return usual ? host : host + ":" + std::to_string(url.port);
}

/// A length as protobuf writes it: 7 bits a byte, the lowest first, the top bit where more follow.
std::string varint(std::size_t value) {
  std::string bytes;
  for (; value > 0x7f; value >>= 7U) bytes += static_cast<char>((value & 0x7fU) | 0x80U);
  return bytes + static_cast<char>(value);
}

// HealthCheckRequest{service} in one gRPC frame (grpc.health.v1, gRPC over HTTP/2).
std::string health_request(const std::string& service) {
  std::string message;
  if (!service.empty()) {
    message += '\x0a';
    message += varint(service.size());
    message += service;
  }
  std::string frame(1, '\0');  // not compressed
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame += static_cast<char>((message.size() >> static_cast<unsigned>(shift)) & 0xffU);
  }
  return frame + message;
}

void judge_health(const HttpReply& reply, ProbeResult& result) {
  constexpr std::string_view kServing("\x08\x01", 2);  // HealthCheckResponse{status: SERVING}
  if (reply.status != 200) {
    result.verdict = Verdict::http_status;
    result.detail = "answers with status " + std::to_string(reply.status);
    return;
  }
  const std::string_view body(reply.body);
  const bool framed = body.size() > kGrpcPrefixBytes;
  const std::string_view message = framed ? body.substr(kGrpcPrefixBytes) : std::string_view{};
  if (reply.grpc_status == "0" && message == kServing) {
    result.verdict = Verdict::ok;
    return;
  }
  result.verdict = Verdict::grpc_not_serving;
  if (reply.grpc_status == "5") {
    result.detail = "its health service does not know that service (grpc-status 5)";
  } else if (reply.grpc_status == "12") {
    result.detail = "it has no health service (grpc-status 12)";
  } else if (reply.grpc_status != "0") {
    result.detail = "grpc-status " + quoted(reply.grpc_status, 20);
  } else if (message.empty()) {
    result.detail = "status UNKNOWN";
  } else {
    result.detail = message == std::string_view("\x08\x02", 2) ? "status NOT_SERVING"
                                                               : "an unreadable health answer";
  }
}

bool accepts(const Check& check, int status) {
  if (check.status.empty()) return status >= 200 && status <= 399;
  return std::find(check.status.begin(), check.status.end(), status) != check.status.end();
}

/// Once the status and the text are known, nothing that follows changes them: a stream of events
/// never ends, and many a server resets what it has answered. But what promises a body has to begin
/// with it.
std::function<bool(const HttpReply&)> suffices(const Check& check) {
  return [check, searched = std::size_t{0}](const HttpReply& reply) mutable {
    if (!accepts(check, reply.status)) return true;
    if (check.contains.empty()) return !reply.body.empty();
    const std::size_t known = searched;
    const std::size_t overlap = std::min(known, check.contains.size() - 1);
    searched = reply.body.size();
    return reply.body.find(check.contains, known - overlap) != std::string::npos;
  };
}

void judge_page(const Check& check, const HttpReply& reply, ProbeResult& result) {
  result.detail = "status " + std::to_string(reply.status);
  if (!accepts(check, reply.status)) {
    result.verdict = Verdict::http_status;
    return;
  }
  if (!check.contains.empty() && reply.body.find(check.contains) == std::string::npos) {
    result.verdict = Verdict::http_body;
    result.detail = "the first " + std::to_string(reply.body.size()) + " bytes lack " +
                    quoted(check.contains, 60);
    return;
  }
  result.verdict = Verdict::ok;
}

}  // namespace

Result<HttpRequest> http_request_of(const Check& check, const IPAddress& address,
                                    std::chrono::milliseconds limit) {
  const bool grpc = check.kind == CheckKind::grpc;
  const bool tls = check.kind == CheckKind::https || (grpc && check.grpc_tls);
  const std::string literal =
      address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  std::string name = tls ? check.server_name : check.host;
  if (name.empty()) name = check.server_name.empty() ? literal : check.server_name;
  Result<Url> url =
      parse_url((tls ? "https://" : "http://") + name + ":" + std::to_string(check.port) +
                (grpc ? "/grpc.health.v1.Health/Check" : check.path));
  if (!url) return std::move(url).error();

  const IPEndpoint peer{address, check.port};
  HttpRequest request(*std::move(url), peer);
  request.ca = check.ca;
  request.pins = check.spki;
  request.handshake_limit = limit;
  request.limit = limit;
  request.low_speed_limit = false;
  request.body_bytes_max = grpc ? kGrpcAnswerBytesMax : kContainsWithin;
  request.cut_body = true;
  if (grpc) {
    if (check.grpc_service.size() > kGrpcServiceBytesMax) {
      return {Errc::fetch_failed, "a gRPC service name of more than " +
                                      std::to_string(kGrpcServiceBytesMax) + " bytes"};
    }
    request.version = HttpRequest::Version::http2;
    request.post = health_request(check.grpc_service);
    request.headers = {"content-type: application/grpc", "te: trailers"};
    return request;
  }
  request.suffices = suffices(check);
  if (!check.host.empty() && check.host != name) {
    request.headers = {"Host: " + host_with_port(check.host, request.url)};
  }
  return request;
}

void judge_http_reply(const Check& check, const HttpReply& reply, ProbeResult& result) {
  result.days_left = reply.days_left;
  if (reply.reason.empty()) {
    if (check.kind == CheckKind::grpc) return judge_health(reply, result);
    return judge_page(check, reply, result);
  }
  // gRPC has a status for a stream that is reset, and none of them says that the service is well. A
  // server that says no may reset it as well, and libcurl then drops what it said.
  if (check.kind == CheckKind::grpc && reply.stream_reset) {
    result.verdict = Verdict::grpc_not_serving;
    result.detail = reply.grpc_status.empty() ? "it reset the request's stream"
                                              : "grpc-status " + quoted(reply.grpc_status, 20);
    return;
  }
  // A stream without an event yet answers the check that asks only for its status.
  const bool promises_nothing = reply.headers_complete && !reply.length;
  if (reply.reason == "http_timeout" && promises_nothing && check.contains.empty() &&
      check.kind != CheckKind::grpc) {
    return judge_page(check, reply, result);
  }
  result.error_number = reply.error_number;
  result.detail = reply.detail;
  const std::optional<Verdict> verdict = verdict_from_name(reply.reason);
  if (verdict) {
    result.verdict = *verdict;
  } else {
    result.verdict = reply.reason == "slow" ? Verdict::http_timeout : Verdict::http_protocol;
  }
}

}  // namespace hostspin
