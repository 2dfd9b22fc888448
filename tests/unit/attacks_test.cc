// One test for each attack that the pure core decides, named for it. tests/README.md maps every
// attack of the design to its test.
#include <string>

#include "catch.h"
#include "hostspin/admission.h"
#include "hostspin/lost_state.h"
#include "hostspin/root.h"
#include "signing.h"
#include "small_stack.h"

namespace hostspin {

using testing::at;
using testing::code_of;
using testing::ManifestText;
using testing::RootText;
using testing::run_on_small_stack;
using testing::sign_note;
using testing::Signers;
using testing::SigningKey;
using testing::TestFleet;
using testing::value_of;
using testing::with;

namespace {

const TestFleet& fleet() {
  static const TestFleet kFleet;
  return kFleet;
}

const SigningKey& alice() { return fleet().manifest_signers[0]; }
const SigningKey& bob() { return fleet().manifest_signers[1]; }

std::string manifest_text() { return fleet().manifest(1).text(); }
std::string good_note() { return fleet().sign(fleet().manifest(1)); }

/// What a client makes of a manifest note under the fleet's root.
Errc admitted(const std::string& bytes) {
  return code_of(admit_manifest(bytes, fleet().open_root()));
}

Errc admitted(const ManifestText& manifest) { return admitted(fleet().sign(manifest)); }

/// What a client that trusts root 1 makes of an offered root.
Errc followed(const std::string& bytes) {
  return code_of(open_next_root(fleet().open_root(), bytes));
}

Errc followed(const RootText& root) { return followed(fleet().sign(root)); }

Errc judged(const AdmittedManifest& offer, const AdmittedManifest& current,
            std::string_view now = "2026-02-10T00:00:00Z") {
  return code_of(judge_offer(offer, Held{&current, std::nullopt}, {}, at(now)));
}

ManifestText with_name(const std::string& name) {
  ManifestText manifest = fleet().manifest();
  manifest.services[0].name = name;
  return manifest;
}

ManifestText with_address(const std::string& address) {
  ManifestText manifest = fleet().manifest();
  manifest.services[0].addresses = {address};
  return manifest;
}

}  // namespace

TEST_CASE("attack: a forged manifest", "[attack]") {
  const Signers mallory = {SigningKey("test/mallory/1"), SigningKey("test/mallory/2")};
  CHECK(admitted(sign_note(manifest_text(), mallory)) == Errc::too_few_signatures);
  // Under the names and IDs of keys that are known.
  std::string note = manifest_text() + "\n";
  note += format_signature_line(alice().verifier(), mallory[0].sign(manifest_text()));
  note += format_signature_line(bob().verifier(), mallory[1].sign(manifest_text()));
  CHECK(admitted(note) == Errc::bad_signature);
}

TEST_CASE("attack: too few signatures", "[attack]") {
  CHECK(admitted(sign_note(manifest_text(), {alice()})) == Errc::too_few_signatures);
  CHECK(followed(sign_note(fleet().root(2).text(), {fleet().root_signers[0]})) ==
        Errc::too_few_signatures);
}

TEST_CASE("attack: one key counted twice, by two lines", "[attack]") {
  CHECK(admitted(sign_note(manifest_text(), {alice(), alice()})) == Errc::bad_note);
}

TEST_CASE("attack: one key counted twice, under two IDs", "[attack]") {
  std::string blob(4, '\1');
  const Ed25519Signature signature = alice().sign(manifest_text());
  blob.append(signature.begin(), signature.end());
  const std::string line = "\xe2\x80\x94 " + alice().name() + " " + encode_base64(blob) + "\n";
  CHECK(admitted(sign_note(manifest_text(), {alice()}) + line) == Errc::too_few_signatures);
}

TEST_CASE("attack: one key counted twice, under two names", "[attack]") {
  const SigningKey twin("test/manifest/twin", alice().name());
  CHECK(admitted(sign_note(manifest_text(), {alice(), twin})) == Errc::too_few_signatures);
  // And a root that lists it twice is none.
  RootText root = fleet().root(2);
  root.manifest_keys = testing::vkeys_of({alice(), twin});
  CHECK(followed(root) == Errc::bad_root);
}

TEST_CASE("attack: unknown keys", "[attack]") {
  Signers many;
  for (int i = 0; i < 32; ++i) many.emplace_back("test/unknown/" + std::to_string(i));
  CHECK(admitted(sign_note(manifest_text(), many)) == Errc::too_few_signatures);
}

TEST_CASE("attack: non-canonical base64", "[attack]") {
  const std::string good = good_note();
  CHECK(admitted(with(good, "=\n", "\n")) == Errc::bad_note);
  CHECK(admitted(with(good, "=\n", "==\n")) == Errc::bad_note);
  CHECK(admitted(with(good, "=\n", "= \n")) == Errc::bad_note);
  // The last letter before "=" has two unused bits; any other of its three siblings decodes the
  // same.
  const std::size_t last = good.find("=\n") - 1;
  std::string sibling = good;
  ++sibling[last];
  CHECK(admitted(sibling) == Errc::bad_note);
}

TEST_CASE("attack: text altered by a byte", "[attack]") {
  const std::string text = manifest_text();
  const std::string block = good_note().substr(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == 'x' ? 'y' : 'x';
    const Errc code = admitted(changed + block);
    CAPTURE(i);
    // The first line and the last LF are the profile's; every other byte is the signature's.
    const bool profile = i < text.find('\n') + 1 || i + 1 == text.size();
    REQUIRE(code == (profile ? Errc::bad_note : Errc::bad_signature));
  }
}

TEST_CASE("attack: a block appended or moved", "[attack]") {
  const std::string text = manifest_text();
  const std::string good = good_note();
  const std::string block = good.substr(text.size() + 1);
  // A second block behind the first: the text would then hold the first, whose dash is not ASCII.
  CHECK(admitted(good + "\n" + block) == Errc::bad_note);
  // The block of another manifest.
  const std::string other = fleet().sign(fleet().manifest(2));
  const std::string other_block = other.substr(other.rfind("\n\n") + 2);
  CHECK(admitted(text + "\n" + other_block) == Errc::bad_signature);
  // The block above the text, and text below the block.
  CHECK(admitted("\n" + block + "\n" + text) == Errc::bad_note);
  CHECK(admitted(good + text) == Errc::bad_note);
}

TEST_CASE("attack: a note nested inside a TOML string", "[attack]") {
  // The signers sign a text that quotes a whole note; cutting the outer one off must not make the
  // inner one count, and the quoting itself is outside the profile.
  const std::string inner = good_note();
  const std::string text = manifest_text() + "x = \"\"\"\n" + inner + "\"\"\"\n";
  CHECK(admitted(sign_note(text, {alice(), bob()})) == Errc::bad_note);
  // Written without a byte that is not ASCII it is still a multi-line string, and still text.
  std::string ascii = inner;
  for (std::size_t dash = 0; (dash = ascii.find("\xe2\x80\x94")) != std::string::npos;) {
    ascii.replace(dash, 3, "-");
  }
  const std::string quoting = manifest_text() + "x = \"\"\"\n" + ascii + "\"\"\"\n";
  CHECK(admitted(sign_note(quoting, {alice(), bob()})) == Errc::bad_manifest);
}

TEST_CASE("attack: a threshold of zero or below", "[attack]") {
  for (const std::int64_t threshold : std::vector<std::int64_t>{0, -1, -9007199254740991}) {
    RootText root = fleet().root(2);
    root.root_threshold = threshold;
    CHECK(followed(root) == Errc::bad_root);
    root = fleet().root(2);
    root.manifest_threshold = threshold;
    CHECK(followed(root) == Errc::bad_root);
  }
  KeyRing ring = testing::ring_of({alice()}, 0);
  CHECK(code_of(open_bare_note(good_note(), ring)) == Errc::usage);
}

TEST_CASE("attack: a root that skips a version", "[attack]") {
  CHECK(followed(fleet().root(3)) == Errc::bad_root);
  CHECK(followed(fleet().root(1)) == Errc::bad_root);
  CHECK(followed(fleet().root(9007199254740991)) == Errc::bad_root);
}

TEST_CASE("attack: a root signed only by the new keys, or only by the old", "[attack]") {
  const Signers fresh = {SigningKey("test/new/0"), SigningKey("test/new/1")};
  RootText root = fleet().root(2);
  root.root_keys = testing::vkeys_of(fresh);
  const std::string text = root.text();
  CHECK(followed(sign_note(text, fresh)) == Errc::too_few_signatures);
  CHECK(followed(sign_note(text, fleet().root_signers)) == Errc::too_few_signatures);
  Signers both = fleet().root_signers;
  both.insert(both.end(), fresh.begin(), fresh.end());
  CHECK(open_next_root(fleet().open_root(), sign_note(text, both)));
}

TEST_CASE("attack: a stored root that no longer verifies", "[attack]") {
  const std::string second = fleet().sign(fleet().root(2));
  const std::string edited = with(second, "min_version = 1", "min_version = 9");
  const std::string third = fleet().sign(fleet().root(3));
  const RootChain chain = replay_roots(fleet().open_root(), {{2, edited}, {3, third}});
  CHECK(chain.trusted().version() == 1);
  CHECK(chain.stopped.starts_with("root/2.note: "));
}

TEST_CASE("attack: rollback", "[attack]") {
  const AdmittedManifest current = fleet().admit(fleet().manifest(42));
  CHECK(judged(fleet().admit(fleet().manifest(41)), current) == Errc::rollback);
  // Below what the root itself allows, even for a host that holds nothing.
  RootText root = fleet().root();
  root.min_version = 40;
  const std::string note = fleet().sign(fleet().manifest(39));
  CHECK(code_of(admit_manifest(note, fleet().open_root(root))) == Errc::rollback);
}

TEST_CASE("attack: an equal version with another text", "[attack]") {
  const AdmittedManifest current = fleet().admit(fleet().manifest(42));
  ManifestText other = fleet().manifest(42);
  other.services[0].addresses = {"10.6.6.6"};
  CHECK(judged(fleet().admit(other), current) == Errc::equivocation);
}

TEST_CASE("attack: fast-forward, and its cure", "[attack]") {
  // Stolen manifest keys sign the highest version there is: no higher one can follow.
  const AdmittedManifest stuck = fleet().admit(fleet().manifest(9007199254740991));
  CHECK(admitted(fleet().manifest(9007199254740992)) == Errc::bad_manifest);
  CHECK(judged(fleet().admit(fleet().manifest(43)), stuck) == Errc::rollback);

  // The cure: a root with new manifest keys and the next epoch.
  const Signers fresh = {SigningKey("test/fresh/0"), SigningKey("test/fresh/1")};
  RootText text = fleet().root(2);
  text.epoch = 2;
  text.manifest_keys = testing::vkeys_of(fresh);
  const TrustRoot cured = value_of(open_next_root(fleet().open_root(), fleet().sign(text)));
  ManifestText next = fleet().manifest(1);
  next.epoch = 2;
  next.min_root = 2;
  const AdmittedManifest offer = value_of(admit_manifest(sign_note(next.text(), fresh), cured));
  CHECK(value_of(judge_offer(offer, Held{&stuck, std::nullopt}, {}, at("2026-02-10T00:00:00Z"))) ==
        Adoption::adopt);
  // And the stolen keys' manifests are worth nothing from then on.
  CHECK(code_of(admit_manifest(fleet().sign(fleet().manifest(44)), cured)) ==
        Errc::too_few_signatures);
}

TEST_CASE("attack: a manifest or a root of the wrong fleet", "[attack]") {
  ManifestText manifest = fleet().manifest();
  manifest.fleet = "test.example2";
  CHECK(admitted(manifest) == Errc::wrong_fleet);
  RootText root = fleet().root(2);
  root.fleet = "test.example2";
  CHECK(followed(root) == Errc::wrong_fleet);
}

TEST_CASE("attack: a manifest offered as root, and the reverse", "[attack]") {
  const std::string manifest = manifest_text();
  const std::string root = fleet().root(2).text();
  CHECK(followed(sign_note(manifest, fleet().root_signers)) == Errc::bad_note);
  CHECK(admitted(sign_note(root, fleet().manifest_signers)) == Errc::bad_note);
  // Signatures of the other role's keys do not count either.
  CHECK(followed(sign_note(root, fleet().manifest_signers)) == Errc::too_few_signatures);
  CHECK(admitted(sign_note(manifest, fleet().root_signers)) == Errc::too_few_signatures);
}

TEST_CASE("attack: an expired manifest in place of a good one", "[attack]") {
  const AdmittedManifest current = fleet().admit(fleet().manifest(41));
  ManifestText text = fleet().manifest(42);
  text.issued = "2026-01-02T00:00:00Z";
  text.expires = "2026-01-03T00:00:00Z";
  CHECK(judged(fleet().admit(text), current) == Errc::expired);
}

TEST_CASE("attack: freeze: what is held runs out and says so, and is never renewed by itself",
          "[attack]") {
  const AdmittedManifest current = fleet().admit(fleet().manifest(41));
  const auto later = at("2027-01-01T00:00:00Z");
  CHECK(current.expired(later));
  CHECK(value_of(judge_offer(current, Held{&current, std::nullopt}, {}, later)) == Adoption::same);
  CHECK(fleet().open_root().expired(later));
}

TEST_CASE("attack: a withheld root", "[attack]") {
  ManifestText manifest = fleet().manifest();
  manifest.min_root = 2;
  CHECK(admitted(manifest) == Errc::root_withheld);
}

TEST_CASE("attack: names outside the root's", "[attack]") {
  CHECK(admitted(with_name("bank.example")) == Errc::name_not_allowed);
  CHECK(admitted(with_name("evilsvc.example.com")) == Errc::name_not_allowed);
  CHECK(admitted(with_name("db.svc.example.com.evil")) == Errc::name_not_allowed);
  CHECK(admitted(with_name("svc.example.com")) == Errc::name_not_allowed);
  CHECK(admitted(with_name("x")) == Errc::name_not_allowed);
}

TEST_CASE("attack: addresses outside the root's networks", "[attack]") {
  CHECK(admitted(with_address("192.0.2.1")) == Errc::address_not_allowed);
  CHECK(admitted(with_address("11.0.0.0")) == Errc::address_not_allowed);
  CHECK(admitted(with_address("2001:db8:11::1")) == Errc::address_not_allowed);
}

TEST_CASE("attack: a line feed or # in a name or an address", "[attack]") {
  for (const std::string byte :
       {"\\n", "\\r", "\\t", "\\u0000", "\\u000b", "\\u2028", "#", " ", "\\u0085", "\\u00a0"}) {
    CAPTURE(byte);
    CHECK(admitted(with_name("db.svc.example.com" + byte)) == Errc::bad_manifest);
    CHECK(admitted(with_name("db" + byte + "bank.svc.example.com")) == Errc::bad_manifest);
    CHECK(admitted(with_address("10.1.2.3" + byte)) == Errc::bad_manifest);
    CHECK(admitted(with_address("10.1.2.3" + byte + "bank.example")) == Errc::bad_manifest);
    ManifestText alias = fleet().manifest();
    alias.services[0].aliases = {"db1.svc.example.com" + byte + "bank"};
    CHECK(admitted(alias) == Errc::bad_manifest);
  }
}

TEST_CASE("attack: localhost, whoever signs and whatever the root allows", "[attack]") {
  RootText text = fleet().root();
  text.names = {"localhost", "*.localhost", "*.example.com", "ip6-localhost", "localhost4"};
  const TrustRoot root = fleet().open_root(text);
  for (const std::string name :
       {"localhost", "db.localhost", "localhost.example.com", "ip6-localhost", "_gateway",
        "localhost4", "localhost6.example.com"}) {
    CAPTURE(name);
    CHECK(code_of(admit_manifest(fleet().sign(with_name(name)), root)) == Errc::bad_manifest);
  }
}

TEST_CASE("attack: a name that looks like a number, in any base", "[attack]") {
  for (const std::string name : {"0x7f000001", "10.0.0.0x1", "0x7f.1", "017700000001", "2130706433",
                                 "10.0.1", "0x0a.0x0", "db.svc.example.0x7f"}) {
    CAPTURE(name);
    CHECK(admitted(with_name(name)) == Errc::bad_manifest);
  }
}

TEST_CASE("attack: the metadata address, whoever signs and whatever the root allows", "[attack]") {
  RootText text = fleet().root();
  text.networks = {"169.0.0.0/8", "100.0.0.0/8", "168.0.0.0/8", "127.0.0.0/8",
                   "fd00::/16",   "fd20::/16",   "fe80::/16",   "::/16"};
  const TrustRoot root = fleet().open_root(text);
  for (const std::string address :
       {"169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "127.0.0.1",
        "fd00:c1::a9fe:a9fe", "fd20:ce::254", "fe80::a9fe:a9fe", "::ffff:169.254.169.254", "::1"}) {
    CAPTURE(address);
    CHECK(code_of(admit_manifest(fleet().sign(with_address(address)), root)) == Errc::bad_manifest);
  }
}

TEST_CASE("attack: a lost state after an epoch change", "[attack]") {
  // The state directory is gone, and with it the roots above the baked one: the header of the block
  // is all that knows of epoch 2. An image's old seed must not outrank it, nor a replayed manifest.
  const RootDocument baked = fleet().open_root().document();
  const AdmittedManifest seed = fleet().admit(fleet().manifest(900));
  const BlockHeader header{"test.example", 2, 3, "0123456789abcdef", 4};
  const auto floor = header_floor(header, baked);
  REQUIRE(floor == std::pair<std::int64_t, std::int64_t>(2, 3));
  CHECK(seed.rank() < *floor);
  const Held held{&seed, floor};
  CHECK(code_of(judge_offer(fleet().admit(fleet().manifest(901)), held, {}, {})) == Errc::rollback);
  RootText next = fleet().root(2);
  next.epoch = 2;
  ManifestText manifest = fleet().manifest(2);
  manifest.epoch = 2;
  const auto of_epoch_2 = [&](std::int64_t version) {
    manifest.version = version;
    return fleet().admit(manifest, fleet().open_root(next));
  };
  CHECK(code_of(judge_offer(of_epoch_2(2), held, {}, {})) == Errc::rollback);
  CHECK(value_of(judge_offer(of_epoch_2(3), held, {}, {})) == Adoption::adopt);
  // From before headers named a root: as if written under the trusted one.
  CHECK(header_floor({"test.example", 2, 3, "0123456789abcdef"}, baked) == floor);
}

TEST_CASE("attack: a second valid root of the same version", "[attack]") {
  RootText second = fleet().root(2);
  const RootChain chain = replay_roots(
      fleet().open_root(), {{2, fleet().sign(second)}, {3, fleet().sign(fleet().root(3))}});
  REQUIRE(chain.trusted().version() == 3);
  second.networks = {"10.0.0.0/8", "192.0.2.0/24"};
  const std::optional<Error> found = find_equivocation(chain, 2, fleet().sign(second));
  REQUIRE(found);
  CHECK(found->code == Errc::equivocation);
  // The same text by other signers is the same root; what does not verify is no second one.
  const Signers others = {fleet().root_signers[1], fleet().root_signers[2]};
  CHECK_FALSE(find_equivocation(chain, 2, fleet().sign(fleet().root(2))));
  CHECK_FALSE(find_equivocation(chain, 2, sign_note(fleet().root(2).text(), others)));
  CHECK_FALSE(find_equivocation(chain, 2, sign_note(second.text(), {fleet().root_signers[0]})));
  CHECK_FALSE(find_equivocation(chain, 4, fleet().sign(second)));
  CHECK_FALSE(find_equivocation(chain, 1, fleet().sign(fleet().root(1))));
}

TEST_CASE("attack: a wrong header, and its cure by a later root", "[attack]") {
  const auto floor = [](const BlockHeader& header, std::int64_t trusted, std::int64_t epoch,
                        std::int64_t min_version) {
    RootText text = fleet().root(trusted);
    text.epoch = epoch;
    text.min_version = min_version;
    return header_floor(header, fleet().open_root(text).document());
  };
  using Rank = std::pair<std::int64_t, std::int64_t>;
  const BlockHeader wrong{"test.example", 9, 9000, "0123456789abcdef", 7};
  CHECK(floor(wrong, 1, 1, 1) == Rank(9, 9000));
  CHECK(floor(wrong, 7, 1, 1) == Rank(9, 9000));
  CHECK(floor(wrong, 8, 1, 40) == Rank(1, 40));  // the cure: no more than the root itself asks
  CHECK(floor(wrong, 8, 2, 1) == Rank(2, 1));
  CHECK(floor({"test.example", 1, 50, "0123456789abcdef", 7}, 8, 2, 1) == Rank(1, 50));

  // Nobody can push the cure out of a root's reach.
  CHECK(floor({"test.example", 9, 9000, "0123456789abcdef", 257}, 1, 1, 1) == Rank(9, 9000));
  CHECK_FALSE(floor({"test.example", 9, 9000, "0123456789abcdef", 258}, 1, 1, 1));
  CHECK_FALSE(floor({"test.example", 9, 9000, "0123456789abcdef", 9223372036854775807}, 1, 1, 1));
  CHECK_FALSE(floor({"other.example", 9, 9000, "0123456789abcdef", 7}, 7, 1, 1));
  CHECK_FALSE(floor({"test.example", std::nullopt, 9000, "0123456789abcdef", 7}, 7, 1, 1));
  CHECK_FALSE(floor({"test.example", 9, std::nullopt, "0123456789abcdef", 7}, 7, 1, 1));
}

TEST_CASE("attack: unsigned bytes never reach the TOML parser", "[attack]") {
  // Each of these kills the parser or is refused by the guard before it. A client that has not
  // found its threshold must not get as far as either: only the missing signatures may be what it
  // reports.
  const Signers mallory = {SigningKey("test/mallory/1"), SigningKey("test/mallory/2")};
  std::vector<std::string> bombs = {"x = [", "x = = 1\n", "x = \"\"\"\n", "[%]\n"};
  std::string dots = "a";
  while (dots.size() < 4000) dots += ".a";
  bombs.push_back(dots + " = 1\n");
  std::string brackets = "x = ";
  while (brackets.size() < 4000) brackets += '[';
  bombs.push_back(brackets + "\n");
  for (std::string& bomb : bombs) {
    if (bomb.back() != '\n') bomb += '\n';
    INFO(bomb.substr(0, 20));
    Errc as_manifest = Errc::internal, as_root = Errc::internal, as_signed = Errc::internal;
    run_on_small_stack([&] {
      as_manifest = admitted(sign_note(manifest_text() + bomb, mallory));
      as_root = followed(sign_note(fleet().root(2).text() + bomb, mallory));
      as_signed = admitted(sign_note(manifest_text() + bomb, {alice(), bob()}));
    });
    CHECK(as_manifest == Errc::too_few_signatures);
    CHECK(as_root == Errc::too_few_signatures);
    CHECK(as_signed == Errc::bad_manifest);  // signed, it is the guard or the parser that refuses
  }
}

TEST_CASE("attack: a bomb of 64 KiB, signed or not, ends in an error on a stack of 256 KiB",
          "[attack]") {
  const Signers mallory = {SigningKey("test/mallory/1"), SigningKey("test/mallory/2")};
  // As many lines of one dotted key each as a note may have, and one key as long as a line may be.
  const auto filled = [](std::string text, std::size_t bytes_max) {
    constexpr std::size_t kBlockBytes = 1024;  // room for the signatures
    std::string line = "a";
    while (line.size() < 4090) line += ".a";
    line += " = 1\n";
    while (text.size() + line.size() + kBlockBytes <= bytes_max) text += line;
    return text;
  };
  const std::string manifest = filled(manifest_text(), kManifestNoteBytesMax);
  const std::string root = filled(fleet().root(2).text(), kRootNoteBytesMax);
  CHECK(manifest.size() > kManifestNoteBytesMax - 8192);
  Errc unsigned_manifest = Errc::internal, signed_manifest = Errc::internal;
  Errc unsigned_root = Errc::internal, signed_root = Errc::internal;
  run_on_small_stack([&] {
    unsigned_manifest = admitted(sign_note(manifest, mallory));
    signed_manifest = admitted(sign_note(manifest, {alice(), bob()}));
    unsigned_root = followed(sign_note(root, mallory));
    signed_root = followed(sign_note(root, fleet().root_signers));
  });
  CHECK(unsigned_manifest == Errc::too_few_signatures);
  CHECK(signed_manifest == Errc::bad_manifest);
  CHECK(unsigned_root == Errc::too_few_signatures);
  CHECK(signed_root == Errc::bad_root);
}

TEST_CASE("attack: a root whose new keys are met but whose old are not is not parsed", "[attack]") {
  // Its own keys would verify: only reading the text could tell. The predecessor's threshold comes
  // first.
  const Signers fresh = {SigningKey("test/new/0"), SigningKey("test/new/1")};
  RootText root = fleet().root(2);
  root.root_keys = testing::vkeys_of(fresh);
  root.fleet = "Not A Fleet";
  CHECK(followed(sign_note(root.text(), fresh)) == Errc::too_few_signatures);
}

}  // namespace hostspin
