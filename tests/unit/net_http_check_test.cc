#include "catch.h"
#include "http_check.h"

using namespace hostspin;
using namespace std::chrono_literals;

namespace {

Check https_check() {
  Check check;
  check.kind = CheckKind::https;
  check.port = 443;
  check.server_name = "vault.example.com";
  check.host = "vault.example.com";
  check.path = "/health";
  return check;
}

ProbeResult judged(const Check& check, const HttpReply& reply) {
  ProbeResult result;
  judge_http_reply(check, reply, result);
  return result;
}

HttpReply answer(int status, std::string body = {}) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

const IPAddress kAddress = IPAddress::parse("192.0.2.1").value();

}  // namespace

TEST_CASE("an https check asks its address by its server name", "[http_check]") {
  const Result<HttpRequest> request = http_request_of(https_check(), kAddress, 1500ms);
  REQUIRE(request);
  CHECK(request->url.text == "https://vault.example.com:443/health");
  CHECK(request->peer.address == kAddress);
  CHECK(request->peer.port == 443);
  CHECK(request->limit == 1500ms);
  CHECK(request->headers.empty());
  CHECK_FALSE(request->post);
}

TEST_CASE("another Host than the server name is a header", "[http_check]") {
  Check check = https_check();
  check.host = "www.example.com";
  CHECK(http_request_of(check, kAddress, 1500ms)->headers ==
        std::vector<std::string>{"Host: www.example.com"});
  check.port = 8443;
  CHECK(http_request_of(check, kAddress, 1500ms)->headers ==
        std::vector<std::string>{"Host: www.example.com:8443"});
}

TEST_CASE("a plain check without names goes by its address", "[http_check]") {
  Check check;
  check.kind = CheckKind::http;
  check.port = 8080;
  CHECK(http_request_of(check, kAddress, 1500ms)->url.text == "http://192.0.2.1:8080/");
  CHECK(http_request_of(check, IPAddress::parse("2001:db8::1").value(), 1500ms)->url.text ==
        "http://[2001:db8::1]:8080/");
}

TEST_CASE("a gRPC check frames the service's name", "[http_check]") {
  Check check;
  check.kind = CheckKind::grpc;
  check.port = 50051;
  check.grpc_service = "a.B";
  const Result<HttpRequest> request = http_request_of(check, kAddress, 1500ms);
  REQUIRE(request);
  CHECK(request->url.text == "http://192.0.2.1:50051/grpc.health.v1.Health/Check");
  CHECK(request->version == HttpRequest::Version::http2);
  CHECK(request->post == std::string("\0\0\0\0\x05\x0a\x03"
                                     "a.B",
                                     10));
}

TEST_CASE("a gRPC check of the longest name that a manifest takes can be made", "[http_check]") {
  Check check;
  check.kind = CheckKind::grpc;
  check.port = 50051;
  check.grpc_service = std::string(127, 'x');
  CHECK(http_request_of(check, kAddress, 1500ms)->post ==
        std::string("\0\0\0\0\x81\x0a\x7f", 7) + check.grpc_service);
  check.grpc_service = std::string(200, 'x');
  // Two bytes of length: 200 is 0x48 and 0x01 << 7.
  CHECK(http_request_of(check, kAddress, 1500ms)->post ==
        std::string("\0\0\0\0\xcb\x0a\xc8\x01", 8) + check.grpc_service);
}

TEST_CASE("without a list every status from 200 to 399 is good", "[http_check]") {
  const Check check = https_check();
  for (const int status : {200, 204, 302, 399}) {
    CHECK(judged(check, answer(status)).verdict == Verdict::ok);
  }
  for (const int status : {101, 400, 404, 503}) {
    CHECK(judged(check, answer(status)).verdict == Verdict::http_status);
  }
  Check own = https_check();
  own.status = {429};
  CHECK(judged(own, answer(429)).verdict == Verdict::ok);
  CHECK(judged(own, answer(200)).verdict == Verdict::http_status);
}

TEST_CASE("a failed transfer keeps its cause", "[http_check]") {
  const Check check = https_check();
  HttpReply reply;
  for (const auto& [reason, verdict] :
       {std::pair("tls_name", Verdict::tls_name), std::pair("reset", Verdict::reset),
        std::pair("slow", Verdict::http_timeout), std::pair("protocol", Verdict::http_protocol),
        std::pair("too_large", Verdict::http_protocol),
        std::pair("http_timeout", Verdict::http_timeout)}) {
    reply.reason = reason;
    CHECK(judged(check, reply).verdict == verdict);
  }
}

TEST_CASE("a page is judged once its status and its text are known", "[http_check]") {
  Check check = https_check();
  const auto suffices = [&check](std::initializer_list<HttpReply> replies) {
    const HttpRequest request = *http_request_of(check, kAddress, 1500ms);
    bool enough = false;
    for (const HttpReply& reply : replies) enough = request.suffices(reply);
    return enough;
  };
  CHECK(suffices({answer(503, "")}));
  CHECK_FALSE(suffices({answer(200, "")}));
  CHECK(suffices({answer(200, "a")}));
  check.contains = "all is well";
  CHECK(suffices({answer(503, "")}));
  CHECK_FALSE(suffices({answer(200, ""), answer(200, "all is")}));
  CHECK(suffices({answer(200, ""), answer(200, "so: all is"), answer(200, "so: all is well, so")}));
  check.kind = CheckKind::grpc;
  CHECK_FALSE(http_request_of(check, kAddress, 1500ms)->suffices);
}

TEST_CASE("a page that promises a body has to begin it", "[http_check]") {
  HttpReply reply = answer(200, "");
  reply.headers_complete = true;
  reply.length = 100;
  reply.reason = "http_timeout";
  CHECK(judged(https_check(), reply).verdict == Verdict::http_timeout);
}

TEST_CASE("a page without an end passes only where its text is not asked for", "[http_check]") {
  HttpReply reply = answer(200, "so far");
  reply.headers_complete = true;
  reply.reason = "http_timeout";
  CHECK(judged(https_check(), reply).verdict == Verdict::ok);
  Check wants = https_check();
  wants.contains = "more";
  CHECK(judged(wants, reply).verdict == Verdict::http_timeout);
  reply.headers_complete = false;
  CHECK(judged(https_check(), reply).verdict == Verdict::http_timeout);
}

TEST_CASE("a gRPC server that resets the stream does not serve", "[http_check]") {
  Check check;
  check.kind = CheckKind::grpc;
  HttpReply reply;
  reply.reason = "protocol";
  CHECK(judged(check, reply).verdict == Verdict::http_protocol);  // it may speak no HTTP/2 at all
  reply.stream_reset = true;
  CHECK(judged(check, reply).verdict == Verdict::grpc_not_serving);
  CHECK(judged(check, reply).detail == "it reset the request's stream");
  reply.grpc_status = "12";
  reply.headers_complete = true;
  reply.status = 200;
  CHECK(judged(check, reply).detail == "it has no health service (grpc-status 12)");
  CHECK(judged(https_check(), reply).verdict == Verdict::http_protocol);
}
