#include "hostspin/root.h"

#include <string>

#include "catch.h"
#include "signing.h"

namespace hostspin {

using testing::at;
using testing::code_of;
using testing::RootText;
using testing::SigningKey;
using testing::TestFleet;
using testing::value_of;

namespace {

Result<RootDocument> parse(const RootText& root, UnknownKeys unknown = UnknownKeys::refuse) {
  return parse_root_text(root.text(), unknown);
}

std::string detail(const RootText& root) { return parse(root).error().detail; }

}  // namespace

TEST_CASE("a root's fields are what its text says", "[root]") {
  RootText text = TestFleet().root(7);
  text.epoch = 3;
  text.min_version = 40;
  const RootDocument root = value_of(parse(text));
  CHECK(root.fleet == "test.example");
  CHECK(root.version == 7);
  CHECK(root.issued == at("2026-01-01T00:00:00Z"));
  CHECK(root.expires == at("2027-01-01T00:00:00Z"));
  CHECK(root.root_keys.threshold == 2);
  CHECK(root.root_keys.keys.size() == 3);
  CHECK(root.manifest.keys.threshold == 2);
  CHECK(root.manifest.keys.keys[1].name() == "test/manifest/bob");
  CHECK(root.manifest.epoch == 3);
  CHECK(root.manifest.min_version == 40);
  REQUIRE(root.manifest.names.size() == 3);
  CHECK(root.manifest.names[0].text() == "*.svc.example.com");
  REQUIRE(root.manifest.networks.size() == 2);
  CHECK(root.manifest.networks[1].to_string() == "2001:db8:10::/48");
}

TEST_CASE("a root lives at most 1096 days and expires at its second", "[root]") {
  RootText text = TestFleet().root();
  text.expires = "2029-01-01T00:00:00Z";  // 1096 days: 2028 is a leap year
  CHECK(parse(text));
  text.expires = "2029-01-01T00:00:01Z";
  CHECK(detail(text) == "line 5: 'expires' must be at most 1096 days after 'issued'");

  const TrustRoot root = TestFleet().open_root();
  CHECK_FALSE(root.expired(at("2026-12-31T23:59:59Z")));
  CHECK(root.expired(at("2027-01-01T00:00:00Z")));
}

TEST_CASE("the desk refuses a key of a root that a client ignores, and names it", "[root]") {
  RootText text = TestFleet().root();
  text.extra = "treshold = 3\n";
  CHECK(parse(text, UnknownKeys::ignore));
  CHECK(detail(text) == "line 6: unknown key 'treshold'");
  text.extra.clear();
  text.extra_root = "quorum = 3\n";
  CHECK(parse(text, UnknownKeys::ignore));
  CHECK(detail(text) == "line 14: [root]: unknown key 'quorum'");
  text.extra_root.clear();
  text.extra_manifest = "network = []\n";
  CHECK(parse(text, UnknownKeys::ignore));
  CHECK(detail(text) == "line 26: [manifest]: unknown key 'network'");
}

TEST_CASE("sixteen keys a role, and a threshold that the usable ones can meet", "[root]") {
  RootText text = TestFleet().root();
  text.root_keys.clear();
  for (int i = 0; i < 16; ++i) {
    text.root_keys.push_back(SigningKey("test/many/" + std::to_string(i)).vkey());
  }
  text.root_threshold = 16;
  CHECK(parse(text));
  text.root_keys.push_back(SigningKey("test/many/16").vkey());
  CHECK(code_of(parse(text)) == Errc::bad_root);

  text = TestFleet().root();
  text.root_keys = {SigningKey("test/one").vkey(), testing::read_vector("vkey/good-opaque.vkey")};
  text.root_threshold = 2;
  CHECK(detail(text) == "line 8: [root]: a threshold of 2 cannot be met by 1 usable keys");
  text.root_threshold = 1;
  CHECK(parse(text));
}

TEST_CASE("256 names and networks are allowed, one must be there", "[root]") {
  RootText text = TestFleet().root();
  text.networks.clear();
  for (int i = 0; i < 256; ++i) text.networks.push_back("10." + std::to_string(i) + ".0.0/16");
  // One line holds at most 4096 bytes: spread them, as a person would.
  const std::string one_line = testing::toml_strings(text.networks);
  std::string lines = one_line;
  for (std::size_t i = 0; (i = lines.find(", ", i)) != std::string::npos; ++i) lines[i + 1] = '\n';
  const auto spread = [&](const RootText& root) {
    return parse_root_text(testing::with(root.text(), one_line, lines), UnknownKeys::refuse);
  };
  CHECK(value_of(spread(text)).manifest.networks.size() == 256);
  lines = testing::with(lines, "[", "[\"11.0.0.0/8\", ");
  CHECK(code_of(spread(text)) == Errc::bad_root);
  text = TestFleet().root();
  text.names.clear();
  CHECK(detail(text) == "line 24: [manifest]: 'names' must have 1 to 256 entries, it has 0");
}

TEST_CASE("networks narrower than a class bound something", "[root]") {
  RootText text = TestFleet().root();
  text.networks = {"10.0.0.0/8", "10.1.2.3/32", "2000::/16", "2001:db8::1/128"};
  CHECK(parse(text));
  text.networks = {"12.0.0.0/7"};
  CHECK(detail(text) ==
        "line 25: [manifest]: network '12.0.0.0/7' is wider than /8, which bounds nothing");
  text.networks = {"2000::/15"};
  CHECK(code_of(parse(text)) == Errc::bad_root);
}

TEST_CASE("integers reach to 2^53 - 1 and no further", "[root]") {
  RootText text = TestFleet().root(9007199254740991);
  CHECK(value_of(parse(text)).version == 9007199254740991);
  text.version = 9007199254740992;
  CHECK(code_of(parse(text)) == Errc::bad_root);
}

TEST_CASE("what is missing or of another kind is named with its place", "[root]") {
  const auto edited = [](std::string_view from, std::string_view to) {
    return parse_root_text(testing::with(TestFleet().root().text(), from, to), UnknownKeys::refuse)
        .error()
        .detail;
  };
  CHECK(edited("version = 1\n", "") == "the key 'version' is missing");
  CHECK(edited("version = 1\n", "version = \"1\"\n") ==
        "line 3: 'version' must be an integer, it is a string");
  CHECK(edited("version = 1\n", "version = 1.0\n") ==
        "line 3: 'version' must be an integer, it is a float");
  CHECK(edited("version = 1\n", "version = 0\n") ==
        "line 3: 'version' is 0, it must be 1 to 9007199254740991");
  CHECK(edited("2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00") ==
        "line 4: 'issued' must be a time such as 2026-10-01T12:00:00Z, in UTC with 'Z' and in "
        "whole seconds");
  CHECK(edited("2026-01-01T00:00:00Z", "1999-01-01T00:00:00Z") ==
        "line 4: 'issued' must lie in the years 2020 to 2199");
  CHECK(edited("\"time\"", "true") == "line 24: [manifest]: 'names' must hold strings");
}

TEST_CASE("a draft outside the profile is refused before it is TOML", "[root]") {
  const std::string text = TestFleet().root().text();
  const auto code = [](const std::string& draft) {
    return code_of(parse_root_text(draft, UnknownKeys::refuse));
  };
  CHECK(code("") == Errc::bad_note);
  CHECK(code(text.substr(0, text.size() - 1)) == Errc::bad_note);
  CHECK(code(TestFleet().manifest().text()) == Errc::bad_note);
  CHECK(code(text + "# caf\xc3\xa9\n") == Errc::bad_note);
  CHECK(code(text + "x = [\n") == Errc::bad_root);
}

TEST_CASE("the desk can hold a root against its predecessor without signatures", "[root]") {
  const RootDocument before = value_of(parse(TestFleet().root(4)));
  const auto follows = [&](RootText text) {
    return check_succession(before, value_of(parse(text)));
  };
  RootText text = TestFleet().root(5);
  CHECK(follows(text));
  for (const std::int64_t version : {1, 3, 4, 6}) {
    CHECK(code_of(follows(TestFleet().root(version))) == Errc::bad_root);
  }
  text.fleet = "other.example";
  CHECK(code_of(follows(text)) == Errc::wrong_fleet);
  text = TestFleet().root(5);
  text.issued = "2025-12-31T23:59:59Z";
  CHECK(code_of(follows(text)) == Errc::bad_root);
}

TEST_CASE("epoch never falls, min_version never within an epoch", "[root]") {
  RootText old_text = TestFleet().root(1);
  old_text.epoch = 2;
  old_text.min_version = 50;
  const RootDocument before = value_of(parse(old_text));
  const auto follows = [&](std::int64_t epoch, std::int64_t min_version) {
    RootText text = TestFleet().root(2);
    text.epoch = epoch;
    text.min_version = min_version;
    return check_succession(before, value_of(parse(text)));
  };
  CHECK(follows(2, 50));
  CHECK(follows(2, 51));
  CHECK(follows(3, 1));
  CHECK(code_of(follows(2, 49)) == Errc::bad_root);
  CHECK(code_of(follows(1, 100)) == Errc::bad_root);
}

}  // namespace hostspin
