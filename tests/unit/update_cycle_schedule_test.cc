// What waits for its turn within a rollout, where several sources have something to say of it.
#include "app_world.h"
#include "catch.h"
#include "watched.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

const std::string kOne = kSourceURL;
const std::string kTwo = "https://10.0.0.2/fleet";
const std::string kStatus = "/var/lib/hostspin/status.json";

std::string manifest_of(const std::string& base) { return base + "/manifest.note"; }

/// A machine that holds manifest 41, with two sources that are asked at once.
struct Waiting {
  Waiting() {
    const std::string ca = "ca = \"" + world.options.root + "/ca.pem\"\n";
    world.write("/etc/hostspin/hostspin.toml", "[[source]]\nurl = \"" + kOne + "\"\n" + ca +
                                                   "[[source]]\nurl = \"" + kTwo + "\"\n" + ca);
    world.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    serve(kOne, world.manifest(41));
    serve(kTwo, world.manifest(41));
    REQUIRE(world.refresh() == ExitCode::ok);
    world.forget_output();
  }

  /// Good, and far from this host's turn, which comes within the rollout of a day.
  [[nodiscard]] ManifestText staged(int version, const std::string& address = "10.1.2.3") const {
    ManifestText text = world.manifest(version);
    text.issued = "2150-02-10T00:00:00Z";
    text.extra = "rollout = 1440\n";
    text.services[0].addresses = {address};
    return text;
  }

  void serve(const std::string& base, const ManifestText& text) {
    world.net.serve(manifest_of(base), world.fleet.sign(text));
  }

  ExitCode refresh() {
    world.forget_output();
    return world.refresh();
  }

  [[nodiscard]] bool waits_for(int version) const {
    const std::string status = world.read(kStatus);
    return status.find("\"scheduled_version\": " + std::to_string(version) + ",") !=
           std::string::npos;
  }

  [[nodiscard]] bool said(const std::string& words) {
    return world.err().find(words) != std::string::npos;
  }

  AppWorld world;
};

}  // namespace

TEST_CASE("of two scheduled manifests the higher one is told, whichever comes last", "[refresh]") {
  const bool higher_first = GENERATE(true, false);
  CAPTURE(higher_first);
  Waiting it;
  it.serve(higher_first ? kOne : kTwo, it.staged(43));
  it.serve(higher_first ? kTwo : kOne, it.staged(42));
  it.world.net.answer_last(manifest_of(kTwo));
  CHECK(it.refresh() == ExitCode::ok);
  CHECK(it.world.out().find("manifest 43 is scheduled for 2150-02-10T") != std::string::npos);
  CHECK(it.waits_for(43));
}

TEST_CASE("a manifest that is adopted ends no wait for a higher one", "[refresh]") {
  Waiting it;
  it.serve(kOne, it.staged(43));
  SECTION("that waited before, and whose source is not heard now") {
    REQUIRE(it.refresh() == ExitCode::ok);
    REQUIRE(it.waits_for(43));
    it.world.net.break_url(manifest_of(kOne), "refused");
    it.serve(kTwo, it.world.manifest(42));
    CHECK(it.refresh() == ExitCode::attention);
  }
  SECTION("that is offered in the same cycle") {
    it.serve(kTwo, it.world.manifest(42));
    CHECK(it.refresh() == ExitCode::ok);
    CHECK(it.world.out().find("manifest 43 is scheduled for 2150-02-10T") != std::string::npos);
  }
  SECTION("brought by hand") {
    REQUIRE(it.refresh() == ExitCode::ok);
    it.world.write("/offer.note", it.world.fleet.sign(it.world.manifest(42)));
    CHECK(it.world.refresh({false, it.world.options.root + "/offer.note"}) == ExitCode::ok);
  }
  CHECK(it.world.hosts().find("version=42 ") != std::string::npos);
  CHECK(it.waits_for(43));
}

TEST_CASE("a lower scheduled manifest does not end the wait for one that is not heard now",
          "[refresh]") {
  Waiting it;
  it.serve(kOne, it.staged(43));
  REQUIRE(it.refresh() == ExitCode::ok);
  it.serve(kTwo, it.staged(42));
  it.world.net.break_url(manifest_of(kOne), "refused");
  CHECK(it.refresh() == ExitCode::attention);
  CHECK(it.waits_for(43));
  // Every source was heard, and none has it any more.
  it.world.net.mend_url(manifest_of(kOne));
  it.serve(kOne, it.staged(42));
  CHECK(it.refresh() == ExitCode::ok);
  CHECK(it.waits_for(42));
}

TEST_CASE("a wait is over once something as high is held", "[refresh]") {
  Waiting it;
  it.serve(kOne, it.staged(43));
  REQUIRE(it.refresh() == ExitCode::ok);
  REQUIRE(it.waits_for(43));
  SECTION("itself") { CHECK(it.world.refresh({true, ""}) == ExitCode::attention); }
  SECTION("a higher one") {
    it.serve(kTwo, it.world.manifest(44));
    CHECK(it.refresh() == ExitCode::attention);  // the first source lags behind
  }
  SECTION("one of the next epoch") {
    RootText next = it.world.root(2);
    next.epoch = 2;
    for (const std::string& base : {kOne, kTwo})
      it.world.net.serve(base + "/root/2.note", it.world.fleet.sign(next));
    ManifestText manifest = it.world.manifest(1);
    manifest.epoch = 2;
    it.serve(kTwo, manifest);
    it.world.net.break_url(manifest_of(kOne), "refused");
    CHECK(it.refresh() == ExitCode::attention);
    CHECK(it.world.hosts().find("epoch=2 version=1 ") != std::string::npos);
  }
  CHECK(it.waits_for(0));
}

TEST_CASE("two texts of one scheduled version are an equivocation, and an alarm",
          "[refresh][attack]") {
  Waiting it;
  it.world.write("/var/lib/prometheus/node-exporter/other.prom", "");
  const auto is_alarm = [&] {
    const std::string alarms = it.world.read("/run/hostspin/alarms");
    return alarms.find("manifest_refused") != std::string::npos &&
           alarms.find("\"HOSTSPIN_CODE\": \"equivocation\"") != std::string::npos;
  };
  const std::string words = "epoch 1 version 43 is scheduled here with another text (";
  it.serve(kOne, it.staged(43));
  SECTION("in one cycle") { it.serve(kTwo, it.staged(43, "10.6.6.6")); }
  SECTION("in one cycle, with a higher one between them") {
    it.serve(kTwo, it.staged(43, "10.6.6.6"));
    const std::string ca = "ca = \"" + it.world.options.root + "/ca.pem\"\n";
    it.world.write("/etc/hostspin/conf.d/third.toml",
                   "[[source]]\nurl = \"https://10.0.0.3/fleet\"\n" + ca);
    it.serve("https://10.0.0.3/fleet", it.staged(44));
    it.world.net.answer_last(manifest_of(kTwo));
  }
  SECTION("one after the other") {
    REQUIRE(it.refresh() == ExitCode::ok);
    it.serve(kOne, it.staged(43, "10.6.6.6"));
  }
  CHECK(it.refresh() == ExitCode::attention);
  CHECK(it.said(words));
  CHECK(is_alarm());
  CHECK(it.world.hosts().find("version=41 ") != std::string::npos);

  // Told as long as there are two. The same text by other signers is the same.
  it.serve(kOne, it.staged(43));
  const Signers& signers = it.world.fleet.manifest_signers;
  REQUIRE(signers.size() >= 3);
  it.world.net.serve(manifest_of(kTwo),
                     sign_note(it.staged(43).text(), Signers{signers[1], signers[2]}));
  it.world.erase("/etc/hostspin/conf.d");
  (void)it.refresh();  // that the remembered text has gone may be told
  CHECK(it.refresh() == ExitCode::ok);
  CHECK_FALSE(is_alarm());
}
