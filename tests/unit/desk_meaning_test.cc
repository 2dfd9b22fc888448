#include <algorithm>
#include <string>

#include "catch.h"
#include "lint.h"
#include "meaning.h"
#include "rules.h"
#include "signing.h"

namespace hostspin::desk {

using testing::at;
using testing::code_of;
using testing::ManifestText;
using testing::RootText;
using testing::ServiceText;
using testing::TestFleet;
using testing::value_of;

namespace {

const TestFleet kFleet;

Manifest read(const ManifestText& text) {
  return value_of(parse_manifest_draft(text.text(), UnknownKeys::ignore));
}

RootDocument read(const RootText& text) {
  return value_of(parse_root_text(text.text(), UnknownKeys::refuse));
}

/// "+ db.svc.example.com address 10.1.2.4": one line a change.
std::vector<std::string> told(const std::vector<Change>& changes) {
  std::vector<std::string> lines;
  const Console console;  // standard output of tests is no terminal
  std::string text = render(changes, console);
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    lines.push_back(text.substr(0, end));
    text.erase(0, end + 1);
  }
  return lines;
}

std::vector<std::string> codes(const std::vector<Finding>& findings) {
  std::vector<std::string> list;
  for (const Finding& finding : findings) list.push_back(finding.code);
  return list;
}

std::vector<std::string> lint_codes_of(const ManifestText& text, const Manifest* previous = nullptr,
                                       const std::vector<std::string>& sources = {}) {
  const Document document = value_of(parse_document(text.text(), "draft"));
  return codes(lint(document, read(text), {at("2026-02-10T00:00:00Z"), previous, sources}));
}

ManifestText checked() {
  ManifestText text = kFleet.manifest();
  text.services[0].extra = "check = { tcp = 5432 }\n";
  return text;
}

}  // namespace

TEST_CASE("what changes is told by meaning", "[desk]") {
  const ManifestText before = checked();
  ManifestText after = before;
  CHECK(told(compare(read(before), read(after))).empty());

  after.version = 2;
  after.services[0].addresses = {"10.1.2.4", "2001:db8:10::3"};
  after.services[0].aliases = {"db1.svc.example.com"};
  after.services[0].extra = "check = { tcp = 5433 }\nowner = \"you\"\n";
  after.services.push_back({"time", {"10.0.0.9"}});
  CHECK(told(compare(read(before), read(after))) ==
        std::vector<std::string>{"~ version 1 -> 2", "- db.svc.example.com address 10.1.2.3",
                                 "+ db.svc.example.com address 10.1.2.4",
                                 "+ db.svc.example.com alias db1.svc.example.com",
                                 "- db.svc.example.com check tcp:5432",
                                 "+ db.svc.example.com check tcp:5433",
                                 "~ db.svc.example.com owner '' -> you", "+ time 10.0.0.9"});
}

TEST_CASE("another edition of the same content is not substantial", "[desk]") {
  ManifestText after = checked();
  after.version = 2;
  after.issued = "2026-02-02T00:00:00Z";
  after.expires = "2026-03-02T00:00:00Z";
  const std::vector<Change> edition = compare(read(checked()), read(after));
  CHECK(edition.size() == 3);
  CHECK_FALSE(is_substantial(edition));
  std::reverse(after.services[0].addresses.begin(), after.services[0].addresses.end());
  CHECK(is_substantial(compare(read(checked()), read(after))));  // the first address wins
}

TEST_CASE("two roots are compared by meaning", "[desk]") {
  RootText after = kFleet.root(2);
  after.root_keys.pop_back();
  after.networks.emplace_back("192.168.0.0/16");
  const std::vector<std::string> lines = told(compare(read(kFleet.root(1)), read(after)));
  CHECK(lines == std::vector<std::string>{"~ version 1 -> 2",
                                          "- root key " + kFleet.root_signers[2].vkey(),
                                          "+ network 192.168.0.0/16"});
}

TEST_CASE("lint finds nothing in a good manifest", "[desk]") {
  CHECK(lint_codes_of(checked()).empty());
}

TEST_CASE("lint names what deserves a second look", "[desk]") {
  ManifestText text = checked();
  SECTION("no check") {
    text.services[0].extra = "";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"no-check"});
  }
  SECTION("a check of an unknown kind, in a note that somebody else signed") {
    text.services[0].extra = "check = { quic = 443 }\n";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"unsupported-check"});
  }
  SECTION("a check that gets its host blocked at a database") {
    text.services[0].extra = "check = [{ tcp = 3306 }, { mysql = 3307 }, { tls = 3308 }]\n";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"broken-logins"});
  }
  SECTION("a single instance") {
    text.services[0].addresses = {"10.1.2.3"};
    text.services[0].extra += "kind = \"instance\"\n";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"single-instance"});
  }
  SECTION("an address shared by services that are not the same set") {
    text.services.push_back({"time", {"10.1.2.3"}, {}, "check = { tcp = 1 }\n"});
    CHECK(lint_codes_of(text) == std::vector<std::string>{"shared-address"});
  }
  SECTION("the same set under two names harms nobody") {
    text.services.push_back({"time", text.services[0].addresses, {}, "check = { tcp = 1 }\n"});
    CHECK(lint_codes_of(text).empty());
  }
  SECTION("one address each, the same, harms nobody") {
    text.services[0].addresses = {"10.1.2.3"};
    text.services.push_back({"time", {"10.1.2.3"}, {}, "check = { tcp = 1 }\n"});
    CHECK(lint_codes_of(text).empty());
  }
  SECTION("a short life") {
    text.expires = "2026-02-04T00:00:00Z";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"lifetime-short"});
  }
  SECTION("a long life") {
    text.expires = "2026-06-01T00:00:00Z";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"lifetime-long"});
  }
  SECTION("issued ahead") {
    text.issued = "2026-02-11T00:00:00Z";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"issued-ahead"});
  }
  SECTION("expires soon") {
    text.expires = "2026-02-12T00:00:00Z";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"expires-soon"});
  }
  SECTION("a source that is not pinned") {
    CHECK(lint_codes_of(text, nullptr, {"pins.example.com", "db.svc.example.com"}) ==
          std::vector<std::string>{"source-not-pinned"});
  }
  SECTION("too long for KMS") {
    text.services[0].extra += "description = \"" + std::string(200, 'x') + "\"\n";
    for (int i = 0; i < 20; ++i) text.extra += "# " + std::string(200, 'x') + "\n";
    CHECK(lint_codes_of(text) == std::vector<std::string>{"kms-4096"});
  }
}

TEST_CASE("shrinking is found beyond a quarter of the names", "[desk]") {
  ManifestText big = checked();
  for (const char* name : {"a", "b", "c"}) {
    big.services.push_back(
        {std::string(name) + ".svc.example.com", {"10.9.9.9"}, {}, "check = { tcp = 1 }\n"});
  }
  const Manifest previous = read(big);
  big.services.pop_back();
  CHECK(lint_codes_of(big, &previous).empty());  // 3 of 4
  big.services.pop_back();
  CHECK(lint_codes_of(big, &previous) == std::vector<std::string>{"shrinks"});
}

TEST_CASE("a version that jumps by more than 1,000 is a warning", "[desk]") {
  ManifestText text = checked();
  const Manifest previous = read(text);
  text.version += 1000;
  CHECK(lint_codes_of(text, &previous).empty());
  text.version += 1;
  CHECK(lint_codes_of(text, &previous) == std::vector<std::string>{"version-jump"});
  text.epoch += 1;  // versions may start anywhere in a new epoch
  CHECK(lint_codes_of(text, &previous).empty());
}

TEST_CASE("lint of a root", "[desk]") {
  const auto found = [](const RootText& text, const std::string& now = "2026-02-01T00:00:00Z") {
    return codes(lint(read(text), {at(now), nullptr, nullptr}));
  };
  RootText text = kFleet.root();
  CHECK(found(text).empty());
  CHECK(found(text, "2026-12-01T00:00:00Z") == std::vector<std::string>{"expires-soon"});
  text.expires = "2028-01-01T00:00:00Z";
  CHECK(found(text) == std::vector<std::string>{"root-lifetime"});
  text = kFleet.root();
  text.root_threshold = 3;
  text.manifest_threshold = 1;
  CHECK(found(text) == std::vector<std::string>{"no-spare-key", "single-signer"});
}

TEST_CASE("a name pattern that covers a public suffix is an error", "[desk]") {
  RootText text = kFleet.root();
  text.names = {"*.svc.example.com", "*.co.uk"};
  const std::vector<Finding> findings = lint(read(text), {at("2026-02-01T00:00:00Z"), {}, {}});
  REQUIRE(codes(findings) == std::vector<std::string>{"public-suffix"});
  CHECK(findings[0].level == Finding::Level::error);
  const std::optional<Error> refused = first_error(findings);
  REQUIRE(refused);
  CHECK(refused->code == Errc::bad_root);
  CHECK(refused->detail.find("*.co.uk") != std::string::npos);
}

TEST_CASE("every finding that lint makes can be ignored by its code", "[desk]") {
  ManifestText text = kFleet.manifest();
  text.expires = "2026-02-02T00:00:00Z";
  for (const std::string& code : lint_codes_of(text)) {
    CHECK(std::any_of(lint_codes().begin(), lint_codes().end(),
                      [&](const LintCode& known) { return known.code == code; }));
  }
}

TEST_CASE("the desk judges a draft as a client judges the signed manifest", "[desk]") {
  const TrustRoot root = kFleet.open_root();
  const auto both = [&](const ManifestText& text) {
    const Result<void> desk = check_under_root(read(text), root.document());
    const Result<AdmittedManifest> client = admit_manifest(kFleet.sign(text), root);
    REQUIRE(desk.has_value() == client.has_value());
    return desk ? std::string("fine") : std::string(code_name(code_of(desk)));
  };
  ManifestText text = checked();
  CHECK(both(text) == "fine");
  SECTION("fleet") {
    text.fleet = "other";
    CHECK(both(text) == "wrong_fleet");
  }
  SECTION("epoch") {
    text.epoch = 2;
    CHECK(both(text) == "wrong_epoch");
  }
  SECTION("min_root") {
    text.min_root = 2;
    CHECK(both(text) == "root_withheld");
  }
  SECTION("name") {
    text.services[0].name = "db.example.com";
    CHECK(both(text) == "name_not_allowed");
  }
  SECTION("address") {
    text.services[0].addresses = {"192.0.2.1"};
    CHECK(both(text) == "address_not_allowed");
  }
}

}  // namespace hostspin::desk
