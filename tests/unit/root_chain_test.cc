// The chain of roots: U3 on one step, S2 on what is stored.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "catch.h"
#include "hostspin/root.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;
using testing::RootText;
using testing::sign_note;
using testing::Signers;
using testing::SigningKey;
using testing::TestFleet;
using testing::value_of;

namespace {

/// Keys 0 to 9, as the conformance suite counts them.
SigningKey key(int number) { return SigningKey("test/rotation/" + std::to_string(number)); }

Signers keys(const std::vector<int>& numbers) {
  Signers signers;
  for (const int number : numbers) signers.push_back(key(number));
  return signers;
}

struct Step {
  std::vector<int> keys;
  int threshold;
  std::vector<int> signatures;
  bool accepted = true;
};

std::string root_note(std::int64_t version, const Step& step) {
  RootText text = TestFleet().root(version);
  text.root_keys = testing::vkeys_of(keys(step.keys));
  text.root_threshold = step.threshold;
  return sign_note(text.text(), keys(step.signatures));
}

struct RotationCase {
  const char* name;
  std::vector<Step> steps;
};

// The root rotations of theupdateframework/tuf-conformance, test_updater_key_rotations.py, in our
// format.
std::vector<RotationCase> rotation_cases() {
  return {
      {"1 of 1, key rotated", {{{1}, 1, {1}}, {{2}, 1, {2, 1}}, {{2}, 1, {2}}}},
      {"1 of 1, key rotated, unused signatures",
       {{{1}, 1, {3, 1, 4}}, {{2}, 1, {3, 2, 1, 4}}, {{2}, 1, {3, 2, 4}}}},
      {"3 of 5, other combinations sign",
       {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}},
        {{0, 1, 2, 3, 4}, 3, {0, 4, 1}},
        {{0, 1, 2, 3, 4}, 3, {0, 1, 3}},
        {{0, 1, 2, 3, 4}, 3, {0, 1, 3}}}},
      {"3 of 5, one key rotated",
       {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}}, {{0, 1, 3, 4, 5}, 3, {0, 4, 1}}}},
      {"3 of 5, one key rotated with an intermediate step",
       {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}},
        {{0, 1, 3, 4, 5}, 3, {0, 2, 4, 5}},
        {{0, 1, 3, 4, 5}, 3, {0, 4, 5}}}},
      {"3 of 5, all keys rotated with an intermediate step",
       {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}},
        {{5, 6, 7, 8, 9}, 3, {0, 2, 4, 5, 6, 7}},
        {{5, 6, 7, 8, 9}, 3, {5, 6, 7}}}},
      {"1 of 3 to 2 of 3", {{{1, 2, 3}, 1, {1}}, {{1, 2, 3}, 2, {1, 2}}}},
      {"2 of 3 to 1 of 3", {{{1, 2, 3}, 2, {1, 2}}, {{1, 2, 3}, 1, {1, 2}}, {{1, 2, 3}, 1, {1}}}},
      {"1 of 1 to 2 of 2", {{{1}, 1, {1}}, {{1, 2}, 2, {1, 2}}}},
      {"1 of 1, not signed with the old key", {{{1}, 1, {1}}, {{2}, 1, {2, 3, 4}, false}}},
      {"1 of 1, not signed with the new key", {{{1}, 1, {1}}, {{2}, 1, {1, 3, 4}, false}}},
      {"3 of 5, one key rotated, not signed with 3 new keys",
       {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}}, {{0, 1, 3, 4, 5}, 3, {0, 2, 4}, false}}},
      {"3 of 5, one key rotated, not signed with 3 old keys",
       {{{0, 1, 2, 3, 4}, 3, {0, 2, 4}}, {{0, 1, 3, 4, 5}, 3, {0, 4, 5}, false}}},
      {"1 of 3 to 2 of 3, new threshold not reached",
       {{{1, 2, 3}, 1, {1}}, {{1, 2, 3}, 2, {2}, false}}},
      {"2 of 3 to 1 of 3, old threshold not reached",
       {{{1, 2, 3}, 2, {1, 2}}, {{1, 2, 3}, 1, {1}, false}}},
  };
}

struct KeyChangeCase {
  const char* name;
  Step step;
};

// The same suite's changes of another role's keys, with manifest keys in that role.
std::vector<KeyChangeCase> key_change_cases() {
  return {
      {"1 of 1, key rotated", {{2}, 1, {2}}},
      {"1 of 1, unused signatures", {{1}, 1, {3, 1, 4}}},
      {"1 of 1, not signed with the new key", {{2}, 1, {1, 3, 4}, false}},
      {"3 of 5, one signature of a key that is none", {{0, 1, 3, 4, 5}, 3, {0, 2, 4}, false}},
      {"3 of 5, one signature missing", {{0, 1, 3, 4, 5}, 3, {0, 4}, false}},
      {"3 of 5, first combination", {{0, 1, 2, 3, 4}, 3, {0, 2, 4}}},
      {"3 of 5, second combination", {{0, 1, 2, 3, 4}, 3, {0, 4, 1}}},
      {"3 of 5, third combination", {{0, 1, 2, 3, 4}, 3, {0, 1, 3}}},
      {"3 of 5, fourth combination", {{0, 1, 2, 3, 4}, 3, {1, 2, 3}}},
      {"3 of 5, fifth combination", {{0, 1, 2, 3, 4}, 3, {2, 3, 4}}},
  };
}

using Stored = std::vector<std::pair<std::int64_t, std::string>>;

std::vector<std::int64_t> versions_of(const RootChain& chain) {
  std::vector<std::int64_t> versions;
  for (const TrustRoot& root : chain.roots) versions.push_back(root.version());
  return versions;
}

using Versions = std::vector<std::int64_t>;

/// Notes 1 to `count` of a fleet whose keys stay.
Stored stored_notes(std::int64_t count) {
  const TestFleet fleet;
  Stored stored;
  for (std::int64_t n = 1; n <= count; ++n) stored.emplace_back(n, fleet.sign(fleet.root(n)));
  return stored;
}

TrustRoot baked(const std::string& bytes) { return value_of(open_baked_root(bytes)); }

}  // namespace

TEST_CASE("root rotations of the TUF conformance suite", "[root_chain]") {
  const std::vector<RotationCase> cases = rotation_cases();
  REQUIRE(cases.size() == 15);
  for (const RotationCase& one : cases) {
    INFO(one.name);
    TrustRoot trusted = baked(root_note(1, one.steps.at(0)));
    for (std::size_t i = 1; i < one.steps.size(); ++i) {
      const auto version = static_cast<std::int64_t>(i) + 1;
      Result<TrustRoot> next = open_next_root(trusted, root_note(version, one.steps[i]));
      CHECK(next.has_value() == one.steps[i].accepted);
      if (!next) {
        CHECK(next.error().code == Errc::too_few_signatures);
        continue;
      }
      trusted = *std::move(next);
      CHECK(trusted.version() == version);
    }
  }
}

TEST_CASE("key changes of the TUF conformance suite, for the manifest's keys", "[root_chain]") {
  const std::vector<KeyChangeCase> cases = key_change_cases();
  REQUIRE(cases.size() == 10);
  const TestFleet fleet;
  for (const KeyChangeCase& one : cases) {
    INFO(one.name);
    RootText text = fleet.root(2);
    text.manifest_keys = testing::vkeys_of(keys(one.step.keys));
    text.manifest_threshold = one.step.threshold;
    const TrustRoot root = value_of(open_next_root(fleet.open_root(), fleet.sign(text)));
    const std::string note = sign_note(fleet.manifest(1).text(), keys(one.step.signatures));
    const Result<AdmittedManifest> manifest = admit_manifest(note, root);
    CHECK(manifest.has_value() == one.step.accepted);
    if (!manifest) CHECK(manifest.error().code == Errc::too_few_signatures);
  }
}

TEST_CASE("S1: the baked root must keep the profile, its own rules and its own threshold",
          "[root_chain]") {
  const TestFleet fleet;
  const auto code = [](const std::string& bytes) { return code_of(open_baked_root(bytes)); };
  CHECK(open_baked_root(fleet.sign(fleet.root(7))));
  CHECK(code("") == Errc::bad_note);
  CHECK(code(fleet.root().text()) == Errc::bad_note);  // not signed at all
  CHECK(code(sign_note(fleet.root().text(), {fleet.root_signers[0]})) == Errc::too_few_signatures);
  CHECK(code(sign_note(fleet.root().text(), fleet.manifest_signers)) == Errc::too_few_signatures);
  RootText text = fleet.root();
  text.root_threshold = 0;
  CHECK(code(fleet.sign(text)) == Errc::bad_root);
  const std::string altered = testing::with(fleet.sign(fleet.root()), "epoch = 1", "epoch = 2");
  CHECK(code(altered) == Errc::bad_signature);
  CHECK(code(fleet.sign(fleet.manifest())) == Errc::bad_note);
}

TEST_CASE("S2: stored roots are replayed in order, from any order on disk", "[root_chain]") {
  Stored stored = stored_notes(5);
  const TrustRoot root = baked(stored[0].second);
  std::swap(stored[1], stored[4]);
  std::swap(stored[0], stored[2]);
  const RootChain chain = replay_roots(root, stored);
  CHECK(versions_of(chain) == Versions{1, 2, 3, 4, 5});
  CHECK(chain.stopped.empty());
  CHECK(chain.trusted().note_bytes() == stored_notes(5)[4].second);
}

TEST_CASE("S2: with nothing stored the baked root is the chain", "[root_chain]") {
  const RootChain chain = replay_roots(TestFleet().open_root(), {});
  CHECK(versions_of(chain) == Versions{1});
  CHECK(chain.stopped.empty());
}

TEST_CASE("S2: the first bad note and all after it are ignored, with the reason", "[root_chain]") {
  const Stored good = stored_notes(5);
  const TrustRoot root = baked(good[0].second);
  const std::vector<std::pair<std::string, std::string>> faults = {
      {"", "empty"},
      {"garbage\n", "no empty line before signatures"},
      {good[2].second.substr(0, 300), "the last byte is not a line feed"},
      {testing::with(good[2].second, "epoch = 1", "epoch = 9"), "does not verify"},
      {good[1].second, "root version 2 cannot follow version 2"},
      {good[3].second, "root version 4 cannot follow version 2"},
  };
  for (const auto& [bytes, reason] : faults) {
    Stored stored = good;
    stored[2].second = bytes;
    const RootChain chain = replay_roots(root, stored);
    CHECK(versions_of(chain) == Versions{1, 2});
    CAPTURE(chain.stopped);
    CHECK(chain.stopped.starts_with("root/3.note: "));
    CHECK(chain.stopped.find(reason) != std::string::npos);
  }
}

TEST_CASE("S2: a gap ends the chain", "[root_chain]") {
  Stored stored = stored_notes(5);
  const TrustRoot root = baked(stored[0].second);
  stored.erase(stored.begin() + 2);
  const RootChain chain = replay_roots(root, stored);
  CHECK(versions_of(chain) == Versions{1, 2});
  CHECK(chain.stopped == "root/3.note: missing, newer ones are ignored");
}

TEST_CASE("S2: a newly baked root keeps the stored chain below it", "[root_chain]") {
  const Stored good = stored_notes(6);
  SECTION("the stored notes lead up to it") {
    const Stored below(good.begin(), good.begin() + 3);
    const RootChain chain = replay_roots(baked(good[3].second), below);
    CHECK(versions_of(chain) == Versions{1, 2, 3, 4});
    CHECK(chain.stopped.empty());
  }
  SECTION("and on beyond it") {
    const RootChain chain = replay_roots(baked(good[3].second), good);
    CHECK(versions_of(chain) == Versions{1, 2, 3, 4, 5, 6});
    CHECK(chain.stopped.empty());
  }
  SECTION("an image that skips versions starts at itself, without a complaint") {
    const Stored below(good.begin(), good.begin() + 2);
    const RootChain chain = replay_roots(baked(good[3].second), below);
    CHECK(versions_of(chain) == Versions{4});
    CHECK(chain.stopped.empty());
  }
  SECTION("a bad one below cuts off what lies under it, not what lies above") {
    Stored stored = good;
    stored[1].second = testing::with(stored[1].second, "epoch = 1", "epoch = 9");
    const RootChain chain = replay_roots(baked(good[3].second), stored);
    CHECK(versions_of(chain) == Versions{3, 4, 5, 6});
    CHECK(chain.stopped.starts_with("root/2.note: "));
  }
  SECTION("what stands under the baked version's own name is not looked at") {
    Stored stored = good;
    stored[3].second = "garbage";
    const RootChain chain = replay_roots(baked(good[3].second), stored);
    CHECK(versions_of(chain) == Versions{1, 2, 3, 4, 5, 6});
  }
}

TEST_CASE("S2: a root below is no predecessor unless its keys signed the baked one",
          "[root_chain]") {
  const TestFleet fleet;
  RootText text = fleet.root(1);
  const Signers mallory = {SigningKey("test/mallory/a"), SigningKey("test/mallory/b")};
  text.root_keys = testing::vkeys_of(mallory);
  const Stored stored = {{1, sign_note(text.text(), mallory)}};
  const RootChain chain = replay_roots(baked(fleet.sign(fleet.root(2))), stored);
  CHECK(versions_of(chain) == Versions{2});
}

TEST_CASE(
    "S2: a forged root below that names public keys of the baked one's signers counts for nothing",
    "[root_chain][attack]") {
  const TestFleet fleet;
  RootText text = fleet.root(1);
  const SigningKey mallory("test/mallory/a");
  // The baked root's first signature verifies under this one's threshold of 1, and Mallory's own is
  // enough for its own.
  text.root_keys = {mallory.vkey(), fleet.root_signers[0].vkey()};
  text.root_threshold = 1;
  text.networks = {"192.0.0.0/8"};
  const Stored stored = {{1, sign_note(text.text(), {mallory})}};
  const RootChain chain = replay_roots(baked(fleet.sign(fleet.root(2))), stored);
  CHECK(versions_of(chain) == Versions{2});
}

TEST_CASE("S2: a note under another version's name is not that version", "[root_chain]") {
  const Stored good = stored_notes(3);
  const RootChain below = replay_roots(baked(good[2].second), {{2, good[0].second}});
  CHECK(versions_of(below) == Versions{3});
  CHECK(below.stopped == "root/2.note: it is version 1");
}

TEST_CASE("two hundred rotations are replayed within a boot's patience", "[root_chain]") {
  // Each step changes one of three keys, so that every threshold needs old and new signers.
  constexpr int kRotations = 200;
  Stored stored;
  std::vector<SigningKey> line;
  for (int i = 0; i < kRotations + 3; ++i)
    line.push_back(SigningKey("test/long/" + std::to_string(i)));
  for (int n = 1; n <= kRotations; ++n) {
    RootText text = TestFleet().root(n);
    const auto first = line.begin() + n - 1;
    const Signers current(first, first + 3);
    text.root_keys = testing::vkeys_of(current);
    stored.emplace_back(n, sign_note(text.text(), {current[0], current[1]}));
  }
  const TrustRoot root = baked(stored[0].second);
  const auto begin = std::chrono::steady_clock::now();
  const RootChain chain = replay_roots(root, stored);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  CHECK(chain.stopped.empty());
  CHECK(chain.trusted().version() == kRotations);
  CHECK(elapsed.count() < 10.0);  // a bound on the order, not a measurement: sanitizers run it, too
}

}  // namespace hostspin
