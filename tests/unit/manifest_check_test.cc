// The `check` of a service: kinds, options, defaults.
#include <set>
#include <string>

#include "catch.h"
#include "hostspin/manifest.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;
using testing::ManifestText;
using testing::TestFleet;
using testing::value_of;

namespace {

const std::string kService = "db.svc.example.com";

Result<Manifest> parse(const std::string& check, UnknownKeys unknown) {
  ManifestText text = TestFleet().manifest();
  text.services[0].extra = "check = " + check + "\n";
  return parse_manifest_draft(text.text(), unknown);
}

std::vector<Check> checks(const std::string& check) {
  return value_of(parse(check, UnknownKeys::refuse)).services[0].checks;
}

Check only(const std::string& check) {
  const std::vector<Check> all = checks(check);
  REQUIRE(all.size() == 1);
  return all[0];
}

}  // namespace

TEST_CASE("a check is a table or an array of tables", "[check]") {
  CHECK(checks("{ tcp = 1 }").size() == 1);
  CHECK(checks("[{ tcp = 1 }]").size() == 1);
  CHECK(checks("[{ tcp = 1 }, { ntp = 123 }]").size() == 2);
  CHECK(checks("[]").empty());
  ManifestText text = TestFleet().manifest();
  text.services[0].extra = "[[service.check]]\ntcp = 22\n[[service.check]]\nhttp = 80\n";
  CHECK(
      value_of(parse_manifest_draft(text.text(), UnknownKeys::refuse)).services[0].checks.size() ==
      2);
}

TEST_CASE("tcp and ntp take a port and nothing else", "[check]") {
  const Check tcp = only("{ tcp = 65535 }");
  CHECK(tcp.kind == CheckKind::tcp);
  CHECK(tcp.kind_text == "tcp");
  CHECK(tcp.port == 65535);
  CHECK(tcp.label() == "tcp:65535");
  CHECK(only("{ ntp = 123 }").kind == CheckKind::ntp);
  CHECK(code_of(parse("{ tcp = 1, path = \"/\" }", UnknownKeys::refuse)) == Errc::bad_manifest);
}

TEST_CASE("tls: the service's name, the system's bundle, no warning, no pin by default",
          "[check]") {
  const Check plain = only("{ tls = 636 }");
  CHECK(plain.kind == CheckKind::tls);
  CHECK(plain.server_name == kService);
  CHECK(plain.ca == "system");
  CHECK(plain.min_days_left == 0);
  CHECK(plain.spki.empty());
  const std::string pin = encode_base64(std::string(32, 'p'));
  const Check full = only(
      "{ tls = 636, server_name = \"a.example\", ca = \"internal-2\", "
      "min_days_left = 14, spki = \"" +
      pin + "\" }");
  CHECK(full.server_name == "a.example");
  CHECK(full.ca == "internal-2");
  CHECK(full.min_days_left == 14);
  CHECK(full.spki == std::vector<std::string>{pin});
  CHECK(only("{ tls = 1, spki = [\"" + pin + "\", \"" + pin + "\"] }").spki.size() == 2);
  CHECK(code_of(parse("{ tls = 1, spki = [] }", UnknownKeys::ignore)) == Errc::bad_manifest);
}

TEST_CASE("http and https: path, host, status, body", "[check]") {
  const Check plain = only("{ https = 6443 }");
  CHECK(plain.kind == CheckKind::https);
  CHECK(plain.path == "/");
  CHECK(plain.host == kService);
  CHECK(plain.server_name == kService);
  CHECK(plain.status.empty());
  CHECK(plain.contains.empty());
  CHECK(plain.label() == "https:6443");
  const Check full = only(
      "{ http = 80, path = \"/a/b-c_d.e~f?x=%20&y=+1\", host = \"h.example\", "
      "status = [200, 503], contains = \"ok: \\\"yes\\\"\" }");
  CHECK(full.kind == CheckKind::http);
  CHECK(full.path == "/a/b-c_d.e~f?x=%20&y=+1");
  CHECK(full.host == "h.example");
  CHECK(full.server_name.empty());
  CHECK(full.status == std::vector<int>{200, 503});
  CHECK(full.contains == "ok: \"yes\"");
  CHECK(full.label() == "http:80/a/b-c_d.e~f?x=%20&y=+1");
  CHECK(only("{ http = 80, status = 404 }").status == std::vector<int>{404});
  CHECK(only("{ https = 1, server_name = \"s.example\" }").server_name == "s.example");
}

TEST_CASE("grpc: a service and tls as options", "[check]") {
  const Check plain = only("{ grpc = 50051 }");
  CHECK(plain.kind == CheckKind::grpc);
  CHECK(plain.grpc_service.empty());
  CHECK_FALSE(plain.grpc_tls);
  CHECK(plain.server_name.empty());
  CHECK(plain.label() == "grpc:50051");
  const Check full = only("{ grpc = 50051, service = \"pkg.Health\", tls = true, ca = \"c\" }");
  CHECK(full.grpc_service == "pkg.Health");
  CHECK(full.grpc_tls);
  CHECK(full.server_name == kService);
  CHECK(full.ca == "c");
  CHECK(full.label() == "grpc:50051/pkg.Health");
  CHECK_FALSE(only("{ grpc = 1, tls = false }").grpc_tls);
}

TEST_CASE("mysql: a user, who is hostspin by default", "[check]") {
  const Check plain = only("{ mysql = 3306 }");
  CHECK(plain.kind == CheckKind::mysql);
  CHECK(plain.user == "hostspin");
  CHECK(plain.label() == "mysql:3306");
  CHECK(plain.identity(kService) == "mysql:3306");
  CHECK(only("{ mysql = 3306, user = \"probe_1\" }").identity(kService) ==
        "mysql:3306 user=probe_1");
  CHECK(code_of(parse("{ mysql = 1, user = \"a'b\" }", UnknownKeys::ignore)) == Errc::bad_manifest);
}

TEST_CASE("a kind of a later version is kept as unsupported by a client, refused by the desk",
          "[check]") {
  const Result<Manifest> manifest = parse("{ quic = 443, alpn = \"h3\" }", UnknownKeys::ignore);
  REQUIRE(manifest);
  const Check& check = manifest->services[0].checks.at(0);
  CHECK(check.kind == CheckKind::unsupported);
  CHECK(check.kind_text == "quic");  // the first key, as it stands in the text
  CHECK(check.port == 0);
  CHECK(check.label() == "quic");
  CHECK(parse("{ quic = 443 }", UnknownKeys::refuse).error().detail ==
        "line 12: service 1 ('db.svc.example.com'), check: unknown key 'quic'");
}

TEST_CASE("an unknown kind's name is shown safely", "[check]") {
  const auto shown = [](const std::string& kind) {
    const Result<Manifest> manifest = parse("{ '" + kind + "' = 1 }", UnknownKeys::ignore);
    REQUIRE(manifest);
    return manifest->services[0].checks.at(0).label();
  };
  CHECK(shown("quic_v2-draft") == "quic_v2-draft");
  CHECK(shown("<b>") == R"('\x3cb\x3e')");              // a page in HTML
  CHECK(shown("[a](b)") == R"('\x5ba\x5d\x28b\x29')");  // one in Markdown
  CHECK(shown("a|b=1;2") == R"('a\x7cb\x3d1\x3b2')");   // a monitoring plugin's line
  CHECK(shown("$(id)") == R"('\x24\x28id\x29')");
  CHECK(shown(std::string(33, 'x')) == "'" + std::string(32, 'x') + "'...");
}

TEST_CASE("a bad value of a known kind refuses the manifest, for clients as well", "[check]") {
  const std::string bad = GENERATE(
      "{ tcp = 0 }", "{ tcp = 65536 }", "{ tcp = \"80\" }", "{ http = 80, path = \"x\" }",
      "{ http = 80, status = [] }", "{ tls = 1, min_days_left = 4000 }",
      "{ tls = 1, server_name = 1 }", "{ grpc = 1, tls = 1 }", "{ grpc = 1, server_name = \"A\" }",
      "{ http = 80, ca = 1 }", "{ tcp = 1, tls = 2 }", "{}", "7", "[7]", "[[]]");
  CHECK(code_of(parse(bad, UnknownKeys::ignore)) == Errc::bad_manifest);
}

TEST_CASE("each kind has the name it is written with", "[check]") {
  CHECK(check_kind_name(CheckKind::tcp) == "tcp");
  CHECK(check_kind_name(CheckKind::tls) == "tls");
  CHECK(check_kind_name(CheckKind::https) == "https");
  CHECK(check_kind_name(CheckKind::http) == "http");
  CHECK(check_kind_name(CheckKind::grpc) == "grpc");
  CHECK(check_kind_name(CheckKind::ntp) == "ntp");
  CHECK(check_kind_name(CheckKind::mysql) == "mysql");
  CHECK(check_kind_name(CheckKind::unsupported) == "unsupported");
}

TEST_CASE("a check's identity is each of its options, and a default is none", "[check]") {
  const auto identity = [](const std::string& toml) { return only(toml).identity(kService); };
  CHECK(identity("{ tcp = 5432 }") == "tcp:5432");
  CHECK(identity("{ https = 443 }") == "https:443");
  CHECK(identity("{ tls = 636, min_days_left = 0, ca = \"system\" }") == "tls:636");
  CHECK(
      identity("{ https = 443, path = \"/r\", host = \"b.example\", status = [204, 200, 204] }") ==
      "https:443/r host=b.example status=200,204");
  CHECK(identity("{ http = 80, contains = \"it's up\" }") == R"(http:80 contains='it\x27s up')");
  CHECK(identity("{ grpc = 1, service = \"a.B\", tls = true }") == "grpc:1/a.B tls");

  // No two of these are the same check.
  const std::string pin = encode_base64(std::string(32, 'p'));
  const std::string other_pin = encode_base64(std::string(32, 'q'));
  const std::string longest(256, 'x');
  std::set<std::string> seen;
  for (const std::string& options :
       std::vector<std::string>{"http = 80",
                                "http = 81",
                                "http = 80, path = \"/a\"",
                                "http = 80, host = \"b.example\"",
                                "http = 80, host = \"c.example\"",
                                "http = 80, status = 200",
                                "http = 80, status = 204",
                                "http = 80, status = [200, 204]",
                                "http = 80, contains = \"a\"",
                                "http = 80, contains = \"b\"",
                                "http = 80, contains = \"" + longest + "\"",
                                "http = 80, contains = \"" + longest.substr(1) + "y\"",
                                "https = 80",
                                "https = 80, server_name = \"b.example\"",
                                "https = 80, host = \"b.example\"",
                                "https = 80, ca = \"b\"",
                                "https = 80, ca = \"c\"",
                                "https = 80, spki = \"" + pin + "\"",
                                "https = 80, spki = \"" + other_pin + "\"",
                                "https = 80, spki = [\"" + pin + "\", \"" + other_pin + "\"]",
                                "tls = 80",
                                "tls = 80, min_days_left = 1",
                                "tls = 80, min_days_left = 14",
                                "grpc = 80",
                                "grpc = 80, tls = true",
                                "grpc = 80, service = \"a\"",
                                "grpc = 80, service = \"b\"",
                                "ntp = 80",
                                "mysql = 80",
                                "mysql = 80, user = \"a\"",
                                "tcp = 80"}) {
    CAPTURE(options);
    CHECK(seen.insert(identity("{ " + options + " }")).second);
  }
}

}  // namespace hostspin
