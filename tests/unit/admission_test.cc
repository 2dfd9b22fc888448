#include "hostspin/admission.h"

#include <array>
#include <optional>
#include <set>
#include <string>

#include "catch.h"
#include "hostspin/version.h"
#include "signing.h"

namespace hostspin {

using std::chrono::seconds;
using std::chrono::sys_seconds;
using testing::at;
using testing::code_of;
using testing::ManifestText;
using testing::RootText;
using testing::TestFleet;
using testing::value_of;

namespace {

const sys_seconds kNow = at("2026-02-10T00:00:00Z");
const std::string kMachineId = "0123456789abcdef0123456789abcdef";

AdmittedManifest offer(std::int64_t version, const std::string& extra = "") {
  ManifestText text = TestFleet().manifest(version);
  text.extra = extra;
  return TestFleet().admit(text);
}

AdmittedManifest expired_offer(std::int64_t version) {
  ManifestText text = TestFleet().manifest(version);
  text.issued = "2026-01-01T00:00:00Z";
  text.expires = "2026-02-10T00:00:00Z";  // exactly now
  return TestFleet().admit(text);
}

AdmittedManifest offer_of_epoch(std::int64_t epoch, std::int64_t version) {
  RootText root = TestFleet().root();
  root.epoch = epoch;
  ManifestText text = TestFleet().manifest(version);
  text.epoch = epoch;
  return TestFleet().admit(text, TestFleet().open_root(root));
}

using Rank = std::optional<std::pair<std::int64_t, std::int64_t>>;

Result<Adoption> judge(const AdmittedManifest& offered, const AdmittedManifest* current,
                       Rank floor = std::nullopt, const Staging& staging = {},
                       sys_seconds now = kNow) {
  return judge_offer(offered, Held{current, floor}, staging, now);
}

}  // namespace

TEST_CASE("a host that holds nothing adopts", "[admission]") {
  CHECK(value_of(judge(offer(1), nullptr)) == Adoption::adopt);
}

TEST_CASE("U9: newer is adopted, older is a rollback, the same is nothing to do", "[admission]") {
  const AdmittedManifest current = offer(42);
  CHECK(value_of(judge(offer(43), &current)) == Adoption::adopt);
  CHECK(value_of(judge(offer(42), &current)) == Adoption::same);
  CHECK(code_of(judge(offer(41), &current)) == Errc::rollback);
  CHECK(judge(offer(41), &current).error().detail ==
        "manifest epoch 1 version 41 is older than the accepted epoch 1 version 42");
}

TEST_CASE("U9: the same text with other signatures is the same manifest", "[admission]") {
  const TestFleet fleet;
  const AdmittedManifest current = offer(42);
  const std::string note = testing::sign_note(
      fleet.manifest(42).text(), {fleet.manifest_signers[2], fleet.manifest_signers[1]});
  const AdmittedManifest again = value_of(admit_manifest(note, fleet.open_root()));
  REQUIRE(again.note_bytes() != current.note_bytes());
  CHECK(value_of(judge(again, &current)) == Adoption::same);
}

TEST_CASE("U9: a higher epoch outranks any version", "[admission]") {
  const AdmittedManifest far_ahead = offer(9007199254740991);
  CHECK(value_of(judge(offer_of_epoch(2, 1), &far_ahead)) == Adoption::adopt);
  const AdmittedManifest cured = offer_of_epoch(2, 1);
  CHECK(code_of(judge(far_ahead, &cured)) == Errc::rollback);
}

TEST_CASE("U9: the floor holds where no manifest is held", "[admission]") {
  CHECK(code_of(judge(offer(41), nullptr, Rank({1, 42}))) == Errc::rollback);
  CHECK(value_of(judge(offer(42), nullptr, Rank({1, 42}))) == Adoption::adopt);
  CHECK(value_of(judge(offer(43), nullptr, Rank({1, 42}))) == Adoption::adopt);
  CHECK(code_of(judge(offer(43), nullptr, Rank({2, 1}))) == Errc::rollback);
}

TEST_CASE("U9: a floor above the current manifest counts, too", "[admission]") {
  const AdmittedManifest current = offer(40);
  CHECK(code_of(judge(offer(41), &current, Rank({1, 42}))) == Errc::rollback);
  CHECK(value_of(judge(offer(42), &current, Rank({1, 42}))) == Adoption::adopt);
  CHECK(value_of(judge(offer(40), &current, Rank({1, 42}))) == Adoption::same);
}

TEST_CASE("U10: an expired offer is adopted only in place of none or of an expired one",
          "[admission]") {
  const AdmittedManifest fresh = offer(41);
  const AdmittedManifest stale = expired_offer(41);
  CHECK(code_of(judge(expired_offer(42), &fresh)) == Errc::expired);
  CHECK(value_of(judge(expired_offer(42), &stale)) == Adoption::adopt);
  CHECK(value_of(judge(expired_offer(42), nullptr)) == Adoption::adopt);
  CHECK(code_of(judge(expired_offer(40), &stale)) == Errc::rollback);
  CHECK(value_of(judge(expired_offer(41), &stale)) == Adoption::same);
}

TEST_CASE("U10: expiry is judged at its second", "[admission]") {
  const AdmittedManifest fresh = offer(41);
  const AdmittedManifest next = expired_offer(42);
  CHECK(value_of(judge(next, &fresh, {}, {}, kNow - seconds(1))) == Adoption::adopt);
  CHECK(code_of(judge(next, &fresh, {}, {}, kNow)) == Errc::expired);
}

TEST_CASE("rollout: the moment is issued + rollout × f", "[admission]") {
  // The specification's formula, worked out apart (Python): f of "<id>\n\ntest.example\n7\n" is
  // 0.62020…, and with the host's name in the second line 0.90666….
  ManifestText text = TestFleet().manifest(7);
  text.extra = "rollout = 1440\n";
  const Manifest manifest = value_of(parse_manifest_draft(text.text(), UnknownKeys::refuse));
  const auto moment = [&](const std::string& own_name) {
    return testing::time_text(adoption_time(manifest, {kMachineId, own_name, false}));
  };
  CHECK(moment("") == "2026-02-01T14:53:05Z");
  CHECK(moment("web1.example.com") == "2026-02-01T21:45:35Z");
}

TEST_CASE("rollout: machines cloned with their machine-id differ by their names", "[admission]") {
  ManifestText text = TestFleet().manifest(7);
  text.extra = "rollout = 60\n";
  const Manifest manifest = value_of(parse_manifest_draft(text.text(), UnknownKeys::refuse));
  std::set<sys_seconds> moments;
  for (int host = 0; host < 100; ++host) {
    moments.insert(adoption_time(manifest, {kMachineId, "web" + std::to_string(host), false}));
  }
  CHECK(moments.size() > 90);
}

TEST_CASE("rollout: moments differ by host and version, and lie within the window", "[admission]") {
  ManifestText text = TestFleet().manifest(7);
  text.extra = "rollout = 60\n";
  const Manifest manifest = value_of(parse_manifest_draft(text.text(), UnknownKeys::refuse));
  text.version = 8;
  const Manifest next = value_of(parse_manifest_draft(text.text(), UnknownKeys::refuse));
  std::array<int, 4> quarters{};
  int moved = 0;
  constexpr int kHosts = 400;
  for (int host = 0; host < kHosts; ++host) {
    const std::string id = to_hex(sha256(std::to_string(host))).substr(0, 32);
    const sys_seconds moment = adoption_time(manifest, {id, "", false});
    const auto offset = (moment - manifest.issued).count();
    REQUIRE(offset >= 0);
    REQUIRE(offset < 3600);
    ++quarters.at(static_cast<std::size_t>(offset / 900));
    if (adoption_time(next, {id, "", false}) != moment) ++moved;
  }
  for (const int count : quarters) CHECK(count > kHosts / 8);  // a quarter each, roughly
  CHECK(moved > kHosts * 9 / 10);
}

TEST_CASE("rollout: a host waits for its moment, then adopts", "[admission]") {
  const AdmittedManifest current = offer(41);
  const AdmittedManifest next = offer(42, "rollout = 60\n");
  const Staging staging{kMachineId, "web1", false};
  const sys_seconds moment = adoption_time(next.manifest(), staging);
  const auto at_time = [&](sys_seconds now) {
    return value_of(judge(next, &current, {}, staging, now));
  };
  REQUIRE(moment > next.manifest().issued);
  CHECK(at_time(next.manifest().issued) == Adoption::scheduled);
  CHECK(at_time(moment - seconds(1)) == Adoption::scheduled);
  CHECK(at_time(moment) == Adoption::adopt);
  CHECK(at_time(moment + seconds(86400)) == Adoption::adopt);
}

TEST_CASE("rollout: who has nothing good to stand on, or no id, or a wrong clock, does not wait",
          "[admission]") {
  const AdmittedManifest next = offer(42, "rollout = 1440\n");
  const sys_seconds now = next.manifest().issued;
  const AdmittedManifest current = offer(41);
  const auto judged = [&](const AdmittedManifest* held, const Staging& staging,
                          sys_seconds moment) {
    return value_of(judge(next, held, {}, staging, moment));
  };
  REQUIRE(judged(&current, {kMachineId, "", false}, now) == Adoption::scheduled);
  CHECK(judged(nullptr, {kMachineId, "", false}, now) == Adoption::adopt);
  CHECK(judged(&current, {kMachineId, "", true}, now) == Adoption::adopt);
  CHECK(judged(&current, {"", "web1", false}, now) == Adoption::adopt);
  CHECK(judged(&current, {"uninitialized", "", false}, now) == Adoption::adopt);
  CHECK(judged(&current, {kMachineId, "", false}, now - seconds(1)) == Adoption::adopt);
  ManifestText old_text = TestFleet().manifest(41);
  old_text.issued = "2026-01-01T00:00:00Z";
  old_text.expires = "2026-01-15T00:00:00Z";
  const AdmittedManifest stale = TestFleet().admit(old_text);
  CHECK(judged(&stale, {kMachineId, "", false}, now) == Adoption::adopt);

  Held held{&current, std::nullopt};
  const Staging staging{kMachineId, "", false};
  REQUIRE(value_of(judge_offer(next, held, staging, now)) == Adoption::scheduled);
  held.rotated_keys = true;
  CHECK(value_of(judge_offer(next, held, staging, now)) == Adoption::adopt);
  held.rotated_keys = false;
  held.state_lost = true;
  CHECK(value_of(judge_offer(next, held, staging, now)) == Adoption::adopt);
}

TEST_CASE("rollout: rollback and equivocation are judged before any waiting", "[admission]") {
  const AdmittedManifest current = offer(42);
  const Staging staging{kMachineId, "web1", false};
  const sys_seconds now = current.manifest().issued;
  CHECK(code_of(judge(offer(41, "rollout = 60\n"), &current, {}, staging, now)) == Errc::rollback);
  CHECK(code_of(judge(offer(42, "rollout = 60\n"), &current, {}, staging, now)) ==
        Errc::equivocation);
}

TEST_CASE("the believed time is the latest of three", "[admission]") {
  const sys_seconds built{seconds(kBuildTime)};
  RootText text = TestFleet().root();
  text.issued = "2020-01-01T00:00:00Z";
  text.expires = "2021-01-01T00:00:00Z";
  const TrustRoot old_root = TestFleet().open_root(text);
  CHECK(believed_time(at("1970-01-01T00:00:00Z"), old_root) == built);
  CHECK(believed_time(at("2150-01-01T00:00:00Z"), old_root) == at("2150-01-01T00:00:00Z"));
  text.issued = "2140-01-01T00:00:00Z";
  text.expires = "2141-01-01T00:00:00Z";
  CHECK(believed_time(at("1970-01-01T00:00:00Z"), TestFleet().open_root(text)) ==
        at("2140-01-01T00:00:00Z"));
}

}  // namespace hostspin
