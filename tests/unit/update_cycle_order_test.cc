// U11: what a cycle does in the face of sources that answer early, late or never. The times are the
// fake clock's, exact.
#include "app_world.h"
#include "catch.h"

using namespace hostspin;
using namespace hostspin::testing;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

namespace {

const std::string kOne = kSourceURL;
const std::string kTwo = "https://10.0.0.2/fleet";
const std::string kEvil = "10.6.6.6";
const std::string kGood = "10.1.2.9";

std::string root_of(const std::string& base, int version) {
  return base + "/root/" + std::to_string(version) + ".note";
}

std::string manifest_of(const std::string& base) { return base + "/manifest.note"; }

/// A machine of root 1 with two sources; when which pin came into the hosts file.
struct Cycle {
  Cycle() {
    world.write("/etc/hostspin/hostspin.toml", "[[source]]\nurl = \"" + kOne + "\"\nca = \"" +
                                                   ca() + "\"\n[[source]]\nurl = \"" + kTwo +
                                                   "\"\nca = \"" + ca() + "\"\npriority = 1\n");
    world.net.on_wait = [this] {
      for (const std::string& pin : {kEvil, kGood}) {
        if (world.hosts().find(pin + "\t") == std::string::npos) continue;
        seen.try_emplace(pin,
                         std::chrono::duration_cast<milliseconds>(world.clock.steady() - begun));
      }
    };
  }

  [[nodiscard]] std::string ca() const { return world.options.root + "/ca.pem"; }

  std::string manifest(std::int64_t epoch, std::int64_t version, const std::string& address,
                       const TestFleet& signers) const {
    ManifestText text = world.manifest(version);
    text.epoch = epoch;
    text.services[0].addresses = {address};
    return signers.sign(text);
  }

  /// Everything that a source says comes this late.
  void delay(const std::string& base, milliseconds time) {
    for (const std::string& url :
         {root_of(base, 2), root_of(base, 3), root_of(base, 4), manifest_of(base)}) {
      world.net.answer_after(url, time);
    }
  }

  void silence(const std::string& base) {
    for (const std::string& url : {root_of(base, 2), manifest_of(base)}) {
      world.net.never_answer(url);
    }
  }

  ExitCode refresh() {
    begun = world.clock.steady();
    seen.clear();
    world.forget_output();
    const ExitCode code = world.refresh();
    world.net.on_wait();
    return code;
  }

  /// Another process has the lock while the cycle begins.
  void lock_until(milliseconds time) {
    world.net.on_wait = [this, time, look = world.net.on_wait] {
      look();
      const bool is_early = world.clock.steady() - begun < time;
      if (is_early && !other) other = std::make_unique<Result<Lock>>(world.take_lock());
      if (!is_early) other.reset();
    };
  }

  [[nodiscard]] bool pins(const std::string& address) const {
    return world.hosts().find(address + "\t") != std::string::npos;
  }

  AppWorld world;
  std::chrono::steady_clock::time_point begun;
  std::map<std::string, milliseconds> seen;
  std::unique_ptr<Result<Lock>> other;
};

/// Root 2 takes the keys of root 1's manifests out, which a thief has; the first source is his.
struct StolenKeys : Cycle {
  StolenKeys() {
    renewed.manifest_signers = {SigningKey("test.example/manifest/dave"),
                                SigningKey("test.example/manifest/erin"),
                                SigningKey("test.example/manifest/frank")};
    RootText root = world.root(2);
    root.epoch = 2;
    root.manifest_keys = vkeys_of(renewed.manifest_signers);
    world.net.serve(manifest_of(kOne), manifest(1, 900, kEvil, world.fleet));
    world.net.serve(root_of(kTwo, 2), world.fleet.sign(root));
    world.net.serve(manifest_of(kTwo), manifest(2, 2, kGood, renewed));
  }

  TestFleet renewed;
};

struct Order {
  std::string name;
  milliseconds thief;
  milliseconds honest;
};

Order any_order() {
  return GENERATE(values<Order>({{"honest first", 200ms, 0ms},
                                 {"bad first", 0ms, 200ms},
                                 {"together", 0ms, 0ms},
                                 {"honest late by 0.4 s", 0ms, 400ms},
                                 {"honest late by 3 s", 0ms, 3000ms}}));
}

}  // namespace

TEST_CASE("attack: revoked keys that answer first", "[refresh][attack]") {
  const Order order = any_order();
  CAPTURE(order.name);
  StolenKeys cycle;
  cycle.delay(kOne, order.thief);
  cycle.delay(kTwo, order.honest);
  CHECK(cycle.refresh() == ExitCode::attention);  // the thief's offer is refused
  CHECK(cycle.pins(kGood));
  CHECK_FALSE(cycle.pins(kEvil));
  // Within the patience the thief's pins never came; after it they were cured in the same cycle.
  CHECK(cycle.seen.contains(kEvil) == (order.honest >= 500ms));
  CHECK(cycle.world.out().starts_with("WARNING: adopted manifest 2"));
  cycle.refresh();
  CHECK(cycle.pins(kGood));
}

TEST_CASE("attack: revoked keys that answer first, and an honest source with nothing but the root",
          "[refresh][attack]") {
  const Order order = any_order();
  CAPTURE(order.name);
  StolenKeys cycle;
  cycle.world.net.withdraw(manifest_of(kTwo));
  cycle.delay(kOne, order.thief);
  cycle.delay(kTwo, order.honest);
  CHECK(cycle.refresh() == ExitCode::critical);
  CHECK(cycle.world.state().contains("/root/2.note"));
  if (order.honest < 500ms) {
    CHECK_FALSE(cycle.pins(kEvil));
    return;
  }
  // No cycle removes a block; but this one does not end as if all were well.
  CHECK(cycle.pins(kEvil));
  CHECK(cycle.world.out().find("is not admitted by a root that came later") != std::string::npos);
  CHECK(cycle.world.err().find("manifest 900 was adopted before root 2 was known") !=
        std::string::npos);
}

TEST_CASE("where all answer nothing waits", "[refresh]") {
  Cycle cycle;
  cycle.world.net.serve(manifest_of(kTwo), cycle.manifest(1, 5, kGood, cycle.world.fleet));
  cycle.delay(kOne, 30ms);
  cycle.delay(kTwo, 20ms);
  CHECK(cycle.refresh() == ExitCode::attention);  // the first has no manifest
  CHECK(cycle.seen[kGood] == 30ms);
}

TEST_CASE("a source that fails is not waited for", "[refresh]") {
  Cycle cycle;
  cycle.world.net.serve(manifest_of(kTwo), cycle.manifest(1, 5, kGood, cycle.world.fleet));
  cycle.world.net.break_url(root_of(kOne, 2), "refused");
  cycle.world.net.break_url(manifest_of(kOne), "refused");
  cycle.delay(kOne, 120ms);
  CHECK(cycle.refresh() == ExitCode::attention);
  CHECK(cycle.seen[kGood] == 120ms);
}

TEST_CASE("a silent source delays an adoption by half a second", "[refresh][attack]") {
  Cycle cycle;
  cycle.world.net.serve(manifest_of(kTwo), cycle.manifest(1, 5, kGood, cycle.world.fleet));
  cycle.silence(kOne);
  cycle.delay(kTwo, 40ms);
  CHECK(cycle.refresh() == ExitCode::attention);
  CHECK(cycle.seen[kGood] == 540ms);
  CHECK(cycle.world.err().find("warning: " + kOne + ": ") != std::string::npos);
}

TEST_CASE("the half second begins when the last source has been asked", "[refresh][attack]") {
  // The directory answers at once; the worker takes 300 ms to start, and its source a bit to say
  // that there is a root which takes the directory's keys out.
  StolenKeys cycle;
  const std::string directory = cycle.world.options.root + "/published";
  cycle.world.write("/published/manifest.note", cycle.manifest(1, 900, kEvil, cycle.world.fleet));
  cycle.world.write("/etc/hostspin/hostspin.toml", "[[source]]\nurl = \"file://" + directory +
                                                       "\"\n[[source]]\nurl = \"" + kTwo +
                                                       "\"\nca = \"" + cycle.ca() + "\"\n");
  cycle.world.net.ask_after(300ms);
  cycle.delay(kTwo, 450ms);
  CHECK(cycle.refresh() == ExitCode::attention);
  CHECK(cycle.pins(kGood));
  CHECK_FALSE(cycle.seen.contains(kEvil));
}

TEST_CASE("at the deadline, who is silent has failed", "[refresh][attack]") {
  Cycle cycle;
  cycle.world.write("/etc/hostspin/conf.d/deadline.toml", "[refresh]\ndeadline = \"300ms\"\n");
  cycle.world.net.serve(manifest_of(kTwo), cycle.manifest(1, 5, kGood, cycle.world.fleet));
  cycle.silence(kOne);
  CHECK(cycle.refresh() == ExitCode::attention);
  CHECK(cycle.pins(kGood));
  CHECK(cycle.world.clock.steady() - cycle.begun == 300ms);
}

TEST_CASE("a higher manifest that comes late is adopted at once", "[refresh]") {
  Cycle cycle;
  cycle.world.net.serve(manifest_of(kOne), cycle.manifest(1, 5, kEvil, cycle.world.fleet));
  cycle.world.net.serve(manifest_of(kTwo), cycle.manifest(1, 6, kGood, cycle.world.fleet));
  cycle.world.net.answer_after(manifest_of(kTwo), 2s);
  CHECK(cycle.refresh() == ExitCode::attention);
  CHECK(cycle.seen[kEvil] == 0ms);
  CHECK(cycle.seen[kGood] == 2s);
}

TEST_CASE("of what is there when the moment comes, the highest alone is adopted", "[refresh]") {
  Cycle cycle;
  cycle.world.net.serve(manifest_of(kOne), cycle.manifest(1, 5, kEvil, cycle.world.fleet));
  cycle.world.net.serve(manifest_of(kTwo), cycle.manifest(1, 6, kGood, cycle.world.fleet));
  cycle.world.net.answer_after(root_of(kOne, 2), 100ms);
  cycle.world.net.answer_after(root_of(kTwo, 2), 100ms);
  CHECK(cycle.refresh() == ExitCode::attention);
  CHECK_FALSE(cycle.seen.contains(kEvil));
  CHECK(cycle.seen[kGood] == 100ms);
}

TEST_CASE("a new root starts the wait again", "[refresh][attack]") {
  StolenKeys cycle;
  // Both know root 2; the honest one knows root 3 besides, which takes root 2's keys out.
  RootText root = cycle.world.root(2);
  cycle.world.net.serve(root_of(kOne, 2), cycle.world.fleet.sign(root));
  cycle.world.net.serve(root_of(kTwo, 2), cycle.world.fleet.sign(root));
  root.version = 3;
  root.epoch = 2;
  root.manifest_keys = vkeys_of(cycle.renewed.manifest_signers);
  cycle.world.net.serve(root_of(kTwo, 3), cycle.world.fleet.sign(root));
  cycle.world.net.answer_after(root_of(kTwo, 2), 450ms);
  cycle.world.net.answer_after(root_of(kTwo, 3), 450ms);
  CHECK(cycle.refresh() == ExitCode::attention);
  CHECK(cycle.pins(kGood));
  CHECK_FALSE(cycle.seen.contains(kEvil));
}

TEST_CASE("an adoption that another process was in the way of does not hinder the next one",
          "[refresh]") {
  Cycle cycle;
  cycle.world.net.serve(manifest_of(kOne), cycle.manifest(1, 5, kEvil, cycle.world.fleet));
  cycle.world.net.serve(manifest_of(kTwo), cycle.manifest(1, 6, kGood, cycle.world.fleet));
  cycle.world.net.answer_after(manifest_of(kTwo), 6s);
  cycle.lock_until(1s);
  CHECK(cycle.refresh() == ExitCode::attention);
  CHECK_FALSE(cycle.seen.contains(kEvil));
  CHECK(cycle.pins(kGood));
  CHECK(cycle.world.out().starts_with("WARNING: adopted manifest 6"));
}

TEST_CASE("once a later root is known that cannot be kept, nothing is adopted under the old one",
          "[refresh][attack]") {
  StolenKeys cycle;
  cycle.delay(kTwo, 100ms);
  cycle.lock_until(1s);
  CHECK(cycle.refresh() != ExitCode::ok);
  CHECK_FALSE(cycle.pins(kEvil));
  CHECK(cycle.world.err().find("cannot keep root 2") != std::string::npos);
}

TEST_CASE("many addresses make no source come earlier", "[refresh]") {
  int many_first = 0;
  constexpr int kHosts = 40;
  for (int host = 0; host < kHosts; ++host) {
    AppWorld world;
    world.write("/etc/machine-id", std::string(30, '0') + std::to_string(10 + host) + "\n");
    std::string addresses = "\"10.0.1.1\"";
    for (int i = 2; i <= 16; ++i) addresses += ", \"10.0.1." + std::to_string(i) + "\"";
    world.write(
        "/etc/hostspin/conf.d/many.toml",
        "[[source]]\nurl = \"http://many.example/fleet\"\naddresses = [" + addresses + "]\n");
    world.refresh();
    const std::vector<std::string>& asked = world.net.fetched();
    const auto first = std::find_if(asked.begin(), asked.end(), [](const std::string& url) {
      return url.ends_with("manifest.note");
    });
    REQUIRE(first != asked.end());
    if (first->starts_with("http://many.example/")) ++many_first;
  }
  CHECK(many_first > kHosts / 4);
  CHECK(many_first < kHosts * 3 / 4);
}

TEST_CASE("a manifest that another process has adopted meanwhile is what is told as kept",
          "[refresh]") {
  AppWorld world;
  world.net.serve(manifest_of(kOne), world.fleet.sign(world.manifest(7)));
  world.net.answer_last(root_of(kOne, 2));
  const std::string eight = world.fleet.sign(world.manifest(8));
  world.net.before_last = [&] { world.write("/var/lib/hostspin/manifest.note", eight); };
  CHECK(world.refresh() == ExitCode::critical);  // nothing offered, and nothing confirms manifest 8
  CHECK(world.out().find("manifest 8 is kept") != std::string::npos);
  const std::string err = world.err();
  CHECK(err.find(kOne) != std::string::npos);
  CHECK(err.find("older than the accepted") != std::string::npos);
  CHECK(world.state().at("/manifest.note") == eight);
}
