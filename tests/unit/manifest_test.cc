#include "hostspin/manifest.h"

#include <string>

#include "catch.h"
#include "signing.h"

namespace hostspin {

using testing::at;
using testing::code_of;
using testing::ManifestText;
using testing::RootText;
using testing::ServiceText;
using testing::TestFleet;
using testing::value_of;

namespace {

Result<Manifest> draft(const ManifestText& manifest, UnknownKeys unknown = UnknownKeys::refuse) {
  return parse_manifest_draft(manifest.text(), unknown);
}

std::string detail(const ManifestText& manifest) { return draft(manifest).error().detail; }

ManifestText with_service(const ServiceText& service) {
  ManifestText manifest = TestFleet().manifest();
  manifest.services = {{}, {.name = "time", .addresses = {"10.0.0.123"}}, service};
  return manifest;
}

Result<AdmittedManifest> admit(const ManifestText& manifest, const TrustRoot& root) {
  return admit_manifest(TestFleet().sign(manifest), root);
}

}  // namespace

TEST_CASE("a manifest's fields are what its text says", "[manifest]") {
  ManifestText text = TestFleet().manifest(42);
  text.epoch = 3;
  text.min_root = 2;
  text.extra = "rollout = 90\n";
  text.services = {{.aliases = {"db1.svc.example.com"},
                    .extra = "kind = \"lb\"\ndescription = \"d\"\nowner = \"o\"\nrunbook = \"r\"\n"
                             "check = { tcp = 5432 }\n"},
                   {.name = "time", .addresses = {"10.0.0.123"}}};
  const Manifest manifest = value_of(draft(text));
  CHECK(manifest.fleet == "test.example");
  CHECK(manifest.epoch == 3);
  CHECK(manifest.version == 42);
  CHECK(manifest.min_root == 2);
  CHECK(manifest.issued == at("2026-02-01T00:00:00Z"));
  CHECK(manifest.expires == at("2026-03-01T00:00:00Z"));
  CHECK(manifest.rollout == std::chrono::minutes(90));
  REQUIRE(manifest.services.size() == 2);
  const Service& db = manifest.services[0];
  CHECK(db.name.text() == "db.svc.example.com");
  REQUIRE(db.aliases.size() == 1);
  CHECK(db.aliases[0].text() == "db1.svc.example.com");
  REQUIRE(db.addresses.size() == 2);
  CHECK(db.addresses[1].to_string() == "2001:db8:10::3");
  CHECK(db.kind == ServiceKind::lb);
  CHECK(db.description == "d");
  CHECK(db.owner == "o");
  CHECK(db.runbook == "r");
  CHECK(db.checks.size() == 1);
  const Service& time = manifest.services[1];
  CHECK(time.aliases.empty());
  CHECK(time.checks.empty());
  CHECK(time.kind == ServiceKind::unspecified);
}

TEST_CASE("an error names the service, the key and the value", "[manifest]") {
  CHECK(detail(with_service({.name = "a.svc.example.com", .addresses = {"300.1.2.3"}})) ==
        "line 19: service 3 ('a.svc.example.com'): address '300.1.2.3' is not a canonical IP "
        "address");
  CHECK(detail(with_service({.name = "A.svc.example.com"})) ==
        "line 18: service 3 ('A.svc.example.com'): name 'A.svc.example.com' is not a host name: "
        "an upper-case letter");
  CHECK(detail(with_service({.name = "a.svc.example.com", .addresses = {"127.0.0.1"}})) ==
        "line 19: service 3 ('a.svc.example.com'): address '127.0.0.1' may never be pinned "
        "(loopback, link-local, multicast or a metadata service)");
  CHECK(detail(with_service({.name = "ip6-gw"})) ==
        "line 18: service 3 ('ip6-gw'): name 'ip6-gw' is a name of the machine itself and may "
        "never be pinned");
  CHECK(detail(with_service({.name = "time"})) ==
        "line 18: service 3 ('time'): name 'time' is already given by service 2 ('time')");
  CHECK(detail(with_service({.name = "a.svc.example.com", .aliases = {"time"}})) ==
        "line 19: service 3 ('a.svc.example.com'): name 'time' is already given by service 2 "
        "('time')");
  CHECK(
      detail(with_service({.name = "a.svc.example.com", .addresses = {"10.1.1.1", "10.1.1.1"}})) ==
      "line 19: service 3 ('a.svc.example.com'): address '10.1.1.1' is given twice");
  CHECK(
      detail(with_service({.name = "a.svc.example.com", .addresses = {}})) ==
      "line 19: service 3 ('a.svc.example.com'): 'addresses' must have 1 to 16 entries, it has 0");
  CHECK(detail(with_service({.name = "a.svc.example.com", .extra = "check = { tcp = 0 }\n"})) ==
        "line 20: service 3 ('a.svc.example.com'), check: 'tcp' is 0, it must be 1 to 65535");
}

TEST_CASE("a value from the manifest never acts on the terminal that shows its error",
          "[manifest]") {
  ManifestText text = TestFleet().manifest();
  text.services[0].addresses = {R"(10.1.2.3\u001b[2J\nok)"};
  CHECK(detail(text).find(R"('10.1.2.3\x1b[2J\x0aok')") != std::string::npos);
}

TEST_CASE("a violation that no signature lifts says so", "[manifest]") {
  const Result<Manifest> manifest = draft(with_service({.name = "localhost"}));
  REQUIRE_FALSE(manifest);
  CHECK(manifest.error().code == Errc::bad_manifest);
  CHECK(manifest.error().advice().starts_with("no signature lifts this rule"));
}

TEST_CASE("the desk refuses a key of a manifest that a client ignores, and names it",
          "[manifest]") {
  ManifestText text = TestFleet().manifest();
  text.extra = "exipres = 1\n";
  CHECK(draft(text, UnknownKeys::ignore));
  CHECK(detail(text) == "line 8: unknown key 'exipres'");
  text.extra.clear();
  text.services[0].extra = "adresses = []\n";
  CHECK(draft(text, UnknownKeys::ignore));
  CHECK(detail(text) == "line 12: service 1 ('db.svc.example.com'): unknown key 'adresses'");
  text.services[0].extra = "check = { tcp = 1, timeout = 5 }\n";
  CHECK(draft(text, UnknownKeys::ignore));
  CHECK(detail(text) == "line 12: service 1 ('db.svc.example.com'), check: unknown key 'timeout'");
}

TEST_CASE("text for people is short and printable ASCII", "[manifest]") {
  ManifestText text = TestFleet().manifest();
  const auto accepts = [&](const std::string& line) {
    text.services[0].extra = line + "\n";
    return draft(text).has_value();
  };
  for (const std::string key : {"description", "owner", "runbook"}) {
    CHECK(accepts(key + " = \"\""));
    CHECK(accepts(key + " = \"" + std::string(200, 'x') + "\""));
    CHECK_FALSE(accepts(key + " = \"" + std::string(201, 'x') + "\""));
    CHECK_FALSE(accepts(key + R"( = "caf\u00e9")"));
    CHECK_FALSE(accepts(key + R"( = "\u00a0")"));
    CHECK_FALSE(accepts(key + R"( = "\u202e")"));
    CHECK_FALSE(accepts(key + R"( = "a\nb")"));
    CHECK_FALSE(accepts(key + R"( = "a\u0000b")"));
    CHECK_FALSE(accepts(key + R"( = "a\u007fb")"));
    CHECK_FALSE(accepts(key + R"( = "a\u0085b")"));
    CHECK_FALSE(accepts(key + " = 7"));
  }
}

TEST_CASE("each kind of address has its word", "[manifest]") {
  ManifestText text = TestFleet().manifest();
  const auto kind = [&](const std::string& word) {
    text.services[0].extra = "kind = \"" + word + "\"\n";
    return value_of(draft(text)).services[0].kind;
  };
  CHECK(kind("vip") == ServiceKind::vip);
  CHECK(kind("anycast") == ServiceKind::anycast);
  CHECK(kind("lb") == ServiceKind::lb);
  CHECK(kind("instance") == ServiceKind::instance);
  text.services[0].extra = "kind = \"VIP\"\n";
  CHECK(code_of(draft(text)) == Errc::bad_manifest);
}

TEST_CASE("a manifest lives at most 400 days", "[manifest]") {
  ManifestText text = TestFleet().manifest();
  text.expires = "2027-03-08T00:00:00Z";  // 400 days on
  CHECK(draft(text));
  text.expires = "2027-03-08T00:00:01Z";
  CHECK(detail(text) == "line 7: 'expires' must be at most 400 days after 'issued'");
  text.expires = text.issued;
  CHECK(detail(text) == "line 7: 'expires' must be later than 'issued'");
}

TEST_CASE("the block is counted before anybody writes it", "[manifest]") {
  ManifestText text = TestFleet().manifest();
  text.services.clear();
  std::vector<std::string> sixteen;
  for (int i = 1; i <= 16; ++i) sixteen.push_back("10.1.3." + std::to_string(i));
  std::vector<std::string> aliases;
  for (int i = 0; i < 61; ++i) aliases.push_back("a" + std::to_string(i));
  text.services.push_back({"big", sixteen, aliases, ""});  // 62 × 16 = 992
  text.services.push_back({"rest", {sixteen.begin(), sixteen.begin() + 8}, {}, ""});
  CHECK(draft(text));
  text.services.push_back({"more", {"10.1.1.1"}, {}, ""});
  CHECK(code_of(draft(text)) == Errc::block_too_large);
  CHECK(detail(text) == "the block would have 1001 lines, at most 1000 are written");
}

TEST_CASE("an admitted manifest carries what was proved about it", "[manifest]") {
  const TestFleet fleet;
  const ManifestText text = fleet.manifest(42);
  const std::string note = fleet.sign(text);
  const AdmittedManifest manifest = value_of(admit(text, fleet.open_root()));
  CHECK(manifest.note_bytes() == note);
  CHECK(manifest.text() == text.text());
  CHECK(manifest.short_digest() == to_hex(sha256(text.text())).substr(0, 16));
  CHECK(manifest.signers().size() == 2);
  CHECK(manifest.rank() == std::pair<std::int64_t, std::int64_t>(1, 42));
  CHECK(manifest.manifest().services.size() == 1);
  CHECK_FALSE(manifest.expired(at("2026-02-28T23:59:59Z")));
  CHECK(manifest.expired(at("2026-03-01T00:00:00Z")));
}

TEST_CASE("U7: fleet, epoch, min_version and min_root, in this order", "[manifest]") {
  const TestFleet fleet;
  RootText root_text = fleet.root(3);
  root_text.epoch = 2;
  root_text.min_version = 40;
  const TrustRoot root = fleet.open_root(root_text);
  ManifestText text = fleet.manifest(39);
  text.fleet = "other.example";
  text.epoch = 1;
  text.min_root = 4;
  text.services[0].addresses = {"127.0.0.1"};  // U8 would refuse it, too
  CHECK(code_of(admit(text, root)) == Errc::wrong_fleet);
  text.fleet = "test.example";
  CHECK(code_of(admit(text, root)) == Errc::wrong_epoch);
  text.epoch = 3;
  CHECK(code_of(admit(text, root)) == Errc::wrong_epoch);
  text.epoch = 2;
  CHECK(code_of(admit(text, root)) == Errc::rollback);
  text.version = 40;
  CHECK(code_of(admit(text, root)) == Errc::root_withheld);
  text.min_root = 3;
  CHECK(code_of(admit(text, root)) == Errc::bad_manifest);
  text.services[0].addresses = {"10.1.2.3"};
  CHECK(admit(text, root));
}

TEST_CASE("U8: one name or address outside the root's bounds refuses the whole manifest",
          "[manifest]") {
  const TrustRoot root = TestFleet().open_root();
  ManifestText text = TestFleet().manifest();
  text.services = {{}, {.name = "bank.example", .addresses = {"10.1.1.1"}}};
  CHECK(admit(text, root).error().detail ==
        "service 'bank.example': name 'bank.example' is outside the root's names");
  CHECK(code_of(admit(text, root)) == Errc::name_not_allowed);
  text.services[1] = {.name = "time", .addresses = {"10.1.1.1"}, .aliases = {"bank.example"}};
  CHECK(code_of(admit(text, root)) == Errc::name_not_allowed);
  text.services[1] = {.name = "time", .addresses = {"10.1.1.1", "192.0.2.1"}};
  CHECK(admit(text, root).error().detail ==
        "service 'time': address '192.0.2.1' is outside the root's networks");
  CHECK(code_of(admit(text, root)) == Errc::address_not_allowed);
}

TEST_CASE("the desk holds a draft against a root's bounds", "[manifest]") {
  const TrustRoot root = TestFleet().open_root();
  ManifestText text = TestFleet().manifest();
  CHECK(check_constraints(value_of(draft(text)), root.document().manifest));
  text.services[0].addresses = {"192.0.2.1"};
  CHECK(code_of(check_constraints(value_of(draft(text)), root.document().manifest)) ==
        Errc::address_not_allowed);
}

TEST_CASE("parsing needs a verified note, and checks its kind again", "[manifest]") {
  const TestFleet fleet;
  const KeyRing ring = testing::ring_of(fleet.manifest_signers, 2);
  const auto bare = [&](const std::string& text) {
    const std::string bytes = testing::sign_note(text, fleet.manifest_signers);
    return value_of(open_bare_note(bytes, ring));
  };
  CHECK(parse_manifest(bare(fleet.manifest().text()), UnknownKeys::refuse));
  CHECK(code_of(parse_manifest(bare(fleet.root().text()), UnknownKeys::ignore)) == Errc::bad_note);
  CHECK(code_of(parse_manifest(bare("hello\n"), UnknownKeys::ignore)) == Errc::bad_note);
}

}  // namespace hostspin
