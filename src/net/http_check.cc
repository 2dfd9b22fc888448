#include "http_check.h"

#include <algorithm>

#include "grpc_check.h"

namespace hostspin {
namespace {

constexpr std::size_t kContainsWithin = 65536;     // of a body
constexpr std::size_t kGrpcServiceBytesMax = 253;  // what the worker's protocol carries

std::string host_with_port(const std::string& host, const Url& url) {
  const bool usual = url.port == (url.tls ? 443 : 80);
  return usual ? host : host + ":" + std::to_string(url.port);
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
    request.post = grpc_health_request(check.grpc_service);
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
  if (check.kind == CheckKind::grpc && is_grpc_ended(reply)) {
    const std::optional<GrpcAnswer> answer = judge_grpc_answer(reply);
    const GrpcAnswer judged = answer ? *answer : judge_grpc_silence(reply);
    result.verdict = judged.verdict;
    result.detail = judged.detail;
    result.error_number = reply.error_number;
    return;
  }
  if (reply.reason.empty()) return judge_page(check, reply, result);
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
