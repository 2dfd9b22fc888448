#include "hostspin/worker_lines.h"

#include <set>

#include "catch.h"

using namespace hostspin;
using namespace std::chrono_literals;

namespace {

IPAddress ip(std::string_view text) { return IPAddress::parse(text).value(); }

const std::string kPin(43, 'A');  // with '=', the base64 of 32 zero bytes

std::string fetch_line(const std::string& members) {
  return R"({"fetch":{"id":1,"outcome":"ok","elapsed_ms":3)" + members + "}}\n";
}

std::string probe_request(const std::string& check) {
  return R"({"probe":{"id":1,"address":"192.0.2.1","check":)" + check + "}}\n";
}

}  // namespace

TEST_CASE("a session start survives its line", "[worker_lines]") {
  SessionStart start;
  start.deadline = 4321ms;
  start.tcp_limit = 500ms;
  start.handshake_limit = 700ms;
  start.tls_not_before = 1790000000;
  start.ca_bundles = {{"system", "-----BEGIN CERTIFICATE-----\nx\n"}, {"own-ca", "y"}};

  const std::string line = encode(start);
  CHECK(line.find('\n') == line.size() - 1);
  const Result<NetRequest> read = decode_net_request(line);
  REQUIRE(read);
  REQUIRE(read->start);
  CHECK_FALSE(read->fetch);
  CHECK(read->start->deadline == start.deadline);
  CHECK(read->start->tcp_limit == start.tcp_limit);
  CHECK(read->start->handshake_limit == start.handshake_limit);
  CHECK(read->start->tls_not_before == start.tls_not_before);
  CHECK(read->start->ca_bundles == start.ca_bundles);
}

TEST_CASE("a fetch request survives its line", "[worker_lines]") {
  FetchRequest request;
  request.id = 4000000000U;
  request.source = 65535;
  request.at_once = true;
  request.url = "https://mirror.example/manifest.note";
  request.address = ip("2001:db8::1");
  request.priority = 7;
  request.body_bytes_max = 1000;
  request.ca = "own-ca";
  request.pins = {kPin + "="};
  request.client_certificate = "cert\n";
  request.client_key = "key\n";
  request.proxy = "http://192.0.2.9:3128";
  request.etag = R"(W/"x")";
  request.s3_region = "eu-central-1";

  const Result<NetRequest> read = decode_net_request(encode(request));
  REQUIRE(read);
  REQUIRE(read->fetch);
  CHECK(read->fetch->id == request.id);
  CHECK(read->fetch->source == request.source);
  CHECK(read->fetch->at_once);
  CHECK(read->fetch->url == request.url);
  CHECK(read->fetch->address == request.address);
  CHECK(read->fetch->priority == request.priority);
  CHECK(read->fetch->body_bytes_max == request.body_bytes_max);
  CHECK(read->fetch->ca == request.ca);
  CHECK(read->fetch->pins == request.pins);
  CHECK(read->fetch->client_certificate == request.client_certificate);
  CHECK(read->fetch->client_key == request.client_key);
  CHECK(read->fetch->proxy == request.proxy);
  CHECK(read->fetch->etag == request.etag);
  CHECK(read->fetch->s3_region == request.s3_region);
}

TEST_CASE("a probe request survives its line", "[worker_lines]") {
  Check check;
  check.kind = CheckKind::https;
  check.port = 8443;
  check.server_name = "vault.corp.example";
  check.ca = "own-ca";
  check.min_days_left = 14;
  check.spki = {kPin + "="};
  check.path = "/v1/sys/health";
  check.host = "vault";
  check.status = {200, 429};
  check.contains = "\"sealed\":false \xc3\xa9";
  check.grpc_service = "a.B";
  check.grpc_tls = true;
  check.user = "probe";

  const Result<NetRequest> read =
      decode_net_request(encode(ProbeRequest{9, ip("192.0.2.1"), check, true}));
  REQUIRE(read);
  REQUIRE(read->probe);
  CHECK(read->probe->id == 9);
  CHECK(read->probe->address == ip("192.0.2.1"));
  CHECK(read->probe->explain);
  const Check& got = read->probe->check;
  CHECK(got.kind == check.kind);
  CHECK(got.kind_text == "https");
  CHECK(got.port == check.port);
  CHECK(got.server_name == check.server_name);
  CHECK(got.ca == check.ca);
  CHECK(got.min_days_left == check.min_days_left);
  CHECK(got.spki == check.spki);
  CHECK(got.path == check.path);
  CHECK(got.host == check.host);
  CHECK(got.status == check.status);
  CHECK(got.contains == check.contains);
  CHECK(got.grpc_service == check.grpc_service);
  CHECK(got.grpc_tls);
  CHECK(got.user == "probe");
}

TEST_CASE("a check of a kind from the future stays one", "[worker_lines]") {
  Check check;
  check.kind_text = "quic";
  const Result<NetRequest> read =
      decode_net_request(encode(ProbeRequest{1, ip("192.0.2.1"), check, false}));
  REQUIRE(read);
  REQUIRE(read->probe);
  CHECK(read->probe->check.kind == CheckKind::unsupported);
  CHECK(read->probe->check.kind_text == "quic");
}

TEST_CASE("results survive their lines", "[worker_lines]") {
  FetchResult fetch;
  fetch.id = 3;
  fetch.outcome = FetchOutcome::ok;
  fetch.body = std::string("a\0b\xff\n", 5);
  fetch.etag = "\"abc\"";
  fetch.status = 200;
  fetch.elapsed = 12ms;
  Result<NetResult> read = decode_net_result(encode(fetch));
  REQUIRE(read);
  REQUIRE(read->fetch);
  CHECK(read->fetch->id == 3);
  CHECK(read->fetch->outcome == FetchOutcome::ok);
  CHECK(read->fetch->body == fetch.body);
  CHECK(read->fetch->etag == fetch.etag);
  CHECK(read->fetch->status == 200);
  CHECK(read->fetch->elapsed == 12ms);

  fetch = FetchResult{};
  fetch.reason = "tls_ca";
  fetch.detail = "a\nb" + std::string(400, 'x');
  read = decode_net_result(encode(fetch));
  REQUIRE(read);
  CHECK(read->fetch->outcome == FetchOutcome::failed);
  CHECK(read->fetch->reason == "tls_ca");
  CHECK(read->fetch->detail == "a?b" + std::string(297, 'x'));

  ProbeResult probe;
  probe.id = 8;
  probe.verdict = Verdict::tls_expired;
  probe.error_number = 111;
  probe.rtt_us = 0;
  probe.elapsed = 5ms;
  probe.days_left = -3;
  probe.detail = "certificate 1 of 2";
  read = decode_net_result(encode(probe));
  REQUIRE(read);
  REQUIRE(read->probe);
  CHECK(read->probe->id == 8);
  CHECK(read->probe->verdict == Verdict::tls_expired);
  CHECK(read->probe->error_number == 111);
  CHECK(read->probe->rtt_us == std::int64_t{0});
  CHECK(read->probe->elapsed == 5ms);
  CHECK(read->probe->days_left == -3);
  CHECK(read->probe->detail == probe.detail);

  read = decode_net_result(encode(WorkerNotice{"no Landlock"}));
  REQUIRE(read);
  REQUIRE(read->notice);
  CHECK(read->notice->text == "no Landlock");
  read = decode_net_result(encode(WorkerAsked{4294967295U}));
  REQUIRE(read);
  REQUIRE(read->asked);
  CHECK(read->asked->id == 4294967295U);
  read = decode_net_result(encode(WorkerEnd{}));
  REQUIRE(read);
  CHECK(read->end);
}

TEST_CASE("the largest document fits a result line", "[worker_lines]") {
  FetchResult fetch;
  fetch.outcome = FetchOutcome::ok;
  fetch.body = std::string(kManifestNoteBytesMax, '\xff');
  CHECK(encode(fetch).size() <= kResultLineBytesMax);
  CHECK(decode_net_result(encode(fetch)));
  fetch.body += 'x';
  CHECK_FALSE(decode_net_result(encode(fetch)));
}

TEST_CASE("a worker's line outside the protocol is refused", "[worker_lines]") {
  REQUIRE(decode_net_result(fetch_line("")));
  const std::string bad[] = {
      "",
      "[]",
      "{}",
      "null",
      "{\"end\":true} {\"end\":true}",
      R"({"end":false})",
      R"({"end":1})",
      R"({"end":true,"notice":"x"})",
      R"({"end":true,"end":true})",
      R"({"end":true,"other":1})",
      R"({"asked":1})",
      R"({"asked":{}})",
      R"({"asked":{"id":1,"at":3}})",
      R"({"asked":{"id":1},"end":true})",
      R"({"notice":""})",
      R"({"notice":"a\nb"})",
      R"({"notice":{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}})",
      std::string(10000, '['),
      R"({"fetch":[]})",
      R"({"fetch":{"outcome":"ok","elapsed_ms":3}})",
      R"({"fetch":{"id":-1,"outcome":"ok","elapsed_ms":3}})",
      R"({"fetch":{"id":4294967296,"outcome":"ok","elapsed_ms":3}})",
      R"({"fetch":{"id":18446744073709551615,"outcome":"ok","elapsed_ms":3}})",
      R"({"fetch":{"id":1.0,"outcome":"ok","elapsed_ms":3}})",
      R"({"fetch":{"id":"1","outcome":"ok","elapsed_ms":3}})",
      R"({"fetch":{"id":1,"id":2,"outcome":"ok","elapsed_ms":3}})",
      R"({"fetch":{"id":1,"outcome":"great","elapsed_ms":3}})",
      R"({"fetch":{"id":1,"outcome":"ok","elapsed_ms":-1}})",
      R"({"fetch":{"id":1,"outcome":"failed","reason":"ok","elapsed_ms":3}})",
      R"({"fetch":{"id":1,"outcome":"failed","reason":"","elapsed_ms":3}})",
      R"({"fetch":{"id":1,"outcome":"failed","reason":"bad luck","elapsed_ms":3}})",
      R"({"fetch":{"id":1,"outcome":"not_found","body":"QQ==","elapsed_ms":3}})",
      fetch_line(R"(,"surprise":1)"),
      fetch_line(R"(,"reason":"slow")"),
      fetch_line(R"(,"detail":"x")"),
      fetch_line(R"(,"status":1000)"),
      fetch_line(R"(,"body":"QQ")"),
      fetch_line(R"(,"body":"QR==")"),
      fetch_line(R"(,"etag":"a\u0000b")"),
      fetch_line(R"(,"etag":")" + std::string(257, 'e') + "\""),
      fetch_line(R"(,"detail":")" + std::string(301, 'e') + "\""),
      R"({"probe":{"id":1,"verdict":"fine","elapsed_ms":3}})",
      R"({"probe":{"id":1,"verdict":"ok"}})",
      R"({"probe":{"id":1,"verdict":"ok","elapsed_ms":3,"rtt_us":-1}})",
      R"({"probe":{"id":1,"verdict":"ok","elapsed_ms":3,"errno":5000}})",
      R"({"probe":{"id":1,"verdict":"ok","elapsed_ms":3,"days_left":0.5}})",
      "{\"notice\":\"\xff\"}",
      R"({"notice":"x"})" + std::string(kResultLineBytesMax, ' '),
  };
  for (const std::string& line : bad) {
    CAPTURE(line.substr(0, 200));
    const Result<NetResult> read = decode_net_result(line);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::worker_failed);
    CHECK_FALSE(read.error().detail.empty());
  }
}

TEST_CASE("a refused line names the offending key", "[worker_lines]") {
  CHECK(decode_net_result(fetch_line(R"(,"status":1000)")).error().detail ==
        "fetch.status is not from 0 to 999");
  CHECK(decode_net_result(fetch_line(R"(,"surprise":1)")).error().detail ==
        "fetch has the unknown key 'surprise'");
}

TEST_CASE("a line of many small values is refused before it grows to many large ones",
          "[worker_lines]") {
  const auto line_of = [](int values) {
    std::string line = R"({"others":[{})";
    for (int i = 1; i < values; ++i) line += ",{}";
    return line + "]}";
  };
  CHECK(decode_net_result(line_of(4000)).error().detail == "result has the unknown key 'others'");
  CHECK(decode_net_result(line_of(40000))
            .error()
            .detail.starts_with("not a line of the worker protocol"));
}

TEST_CASE("a parent's line outside the protocol is refused", "[worker_lines]") {
  REQUIRE(decode_net_request(R"({"hostspin-net":2,"deadline_ms":1})"));
  REQUIRE(decode_net_request(R"({"fetch":{"id":1,"source":0,"url":"https://a/"}})"));
  REQUIRE(decode_net_request(probe_request(R"({"kind":"tcp","port":1})")));
  const std::string bad[] = {
      "",
      "{}",
      R"({"hostspin-net":1,"deadline_ms":1})",
      R"({"hostspin-net":2})",
      R"({"hostspin-net":2,"deadline_ms":0})",
      R"({"hostspin-net":2,"deadline_ms":600001})",
      R"({"hostspin-net":2,"deadline_ms":1,"tls_not_before":-1})",
      R"({"hostspin-net":2,"deadline_ms":1,"ca_bundles":{"Own":"x"}})",
      R"({"hostspin-net":2,"deadline_ms":1,"ca_bundles":{"own":1}})",
      R"({"hostspin-net":2,"deadline_ms":1,"ca_bundles":["x"]})",
      R"({"hostspin-net":2,"deadline_ms":1,"fetch":{}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/"},"probe":{}})",
      R"({"fetch":{"id":1,"source":0}})",
      R"({"fetch":{"id":1,"url":"https://a/"}})",
      R"({"fetch":{"id":1,"source":65536,"url":"https://a/"}})",
      R"({"fetch":{"id":1,"source":-1,"url":"https://a/"}})",
      R"({"fetch":{"id":1,"source":0,"at_once":1,"url":"https://a/"}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/","address":"192.0.2.01"}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/","address":"host"}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/","body_bytes_max":65537}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/","body_bytes_max":0}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/","pins":["short"]}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/","pins":[1]}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/","ca":"../x"}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/\r\nHost: b"}})",
      R"({"fetch":{"id":1,"source":0,"url":"https://a/","etag":"x\ny"}})",
      R"({"probe":{"id":1,"check":{"kind":"tcp","port":1}}})",
      R"({"probe":{"id":1,"address":"192.0.2.1"}})",
      probe_request(R"("tcp")"),
      probe_request(R"({"port":1})"),
      probe_request(R"({"kind":"tcp","port":0})"),
      probe_request(R"({"kind":"tcp","port":65536})"),
      probe_request(R"({"kind":"tcp","port":1,"command":"x"})"),
      probe_request(R"({"kind":"http","port":1,"status":[99]})"),
      probe_request(R"({"kind":"http","port":1,"status":["200"]})"),
      probe_request(R"({"kind":"http","port":1,"path":"x"})"),
      R"({"fetch":{"id":1,"source":0,"url":"https://a/"}})" + std::string(kRequestLineBytesMax, ' '),
  };
  for (const std::string& line : bad) {
    CAPTURE(line.substr(0, 200));
    const Result<NetRequest> read = decode_net_request(line);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::worker_failed);
  }
}

TEST_CASE("hostspin-ask's lines survive, and nothing else does", "[worker_lines]") {
  Result<AskInput> input = decode_ask_input(encode_ask_start(1500ms));
  REQUIRE(input);
  CHECK(input->deadline == 1500ms);

  const AskRequest request{5, HostName::parse("db.corp.example").value(), AskRequest::Database::dns,
                           AskRequest::Family::inet6};
  input = decode_ask_input(encode(request));
  REQUIRE(input);
  REQUIRE(input->ask);
  CHECK(input->ask->id == 5);
  CHECK(input->ask->name == request.name);
  CHECK(input->ask->database == request.database);
  CHECK(input->ask->family == request.family);

  AskResult result;
  result.id = 5;
  result.status = AskResult::Status::found;
  result.addresses = {ip("192.0.2.1"), ip("192.0.2.2"), ip("2001:db8::1")};
  result.elapsed = 2ms;
  Result<AskOutput> output = decode_ask_output(encode(result));
  REQUIRE(output);
  REQUIRE(output->ask);
  CHECK(output->ask->status == result.status);
  CHECK(output->ask->addresses == result.addresses);
  CHECK(output->ask->elapsed == 2ms);
  output = decode_ask_output(encode(WorkerEnd{}));
  REQUIRE(output);
  CHECK(output->end);
  output = decode_ask_output(encode(WorkerNotice{"no Landlock"}));
  REQUIRE(output);
  REQUIRE(output->notice);
  CHECK(output->notice->text == "no Landlock");
  CHECK_FALSE(decode_ask_output(R"({"end":true,"notice":"x"})"));

  std::swap(result.addresses[0], result.addresses[1]);
  CHECK_FALSE(decode_ask_output(encode(result)));
  result.addresses = {ip("192.0.2.1"), ip("192.0.2.1")};
  CHECK_FALSE(decode_ask_output(encode(result)));
  result.addresses.clear();
  CHECK_FALSE(decode_ask_output(encode(result)));
  result.status = AskResult::Status::stalled;
  CHECK(decode_ask_output(encode(result)));
  CHECK_FALSE(decode_ask_output("{}"));
  CHECK_FALSE(decode_ask_input(R"({"ask":{"id":1,"name":"a b","database":"dns","family":"any"}})"));
  CHECK_FALSE(decode_ask_input(R"({"ask":{"id":1,"name":"a","database":"x","family":"any"}})"));
  CHECK_FALSE(decode_ask_input(R"({"ask":{"id":1,"name":"a","database":"dns"}})"));
}

TEST_CASE("every verdict has a name, a layer and words of its own", "[verdict]") {
  std::set<std::string_view> names;
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(Verdict::internal); ++i) {
    const auto verdict = static_cast<Verdict>(i);
    names.insert(verdict_name(verdict));
    words.insert(verdict_words(verdict));
    CHECK(verdict_from_name(verdict_name(verdict)) == verdict);
    CHECK(std::set<std::string_view>{"L3", "L4", "L6", "L7", "-"}.count(verdict_layer(verdict)) ==
          1);
  }
  const auto all = static_cast<std::size_t>(Verdict::internal) + 1;
  CHECK(names.size() == all);
  CHECK(words.size() == all);
  CHECK_FALSE(verdict_from_name("fine"));
  CHECK(verdict_layer(Verdict::tls_pin) == "L6");
  CHECK(verdict_layer(Verdict::no_route) == "L3");
  CHECK(verdict_words(Verdict::refused) == "nothing listens on that port");
}
