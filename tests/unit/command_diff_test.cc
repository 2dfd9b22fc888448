// diff says what apply, or the adoption of a note, would do: with the words and exit codes of
// those.
#include "watched.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

const std::string kOffer = "/offer.note";

/// The line by which a command ends, without what it began with.
std::string verdict(AppWorld& world) {
  const std::string out = world.out();
  world.forget_output();
  return out.substr(0, out.find('\n'));
}

/// A machine that has adopted a manifest; for_agent is for those who want events.
struct Machine {
  explicit Machine(int version) {
    world.net.serve(kManifestURL, world.fleet.sign(world.manifest(version)));
    REQUIRE(world.refresh() == ExitCode::ok);
    world.forget_output();
  }

  void offer(int version) { world.write(kOffer, world.fleet.sign(world.manifest(version))); }

  AppWorld world;
};

}  // namespace

TEST_CASE("diff of a note knows the floor that the block's header remembers", "[diff][attack]") {
  const bool with_seed = GENERATE(true, false);
  CAPTURE(with_seed);
  Machine machine(50);
  AppWorld& world = machine.world;
  if (with_seed) world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(40)));
  world.erase("/var/lib/hostspin");
  machine.offer(49);
  CHECK(world.diff(kOffer) == ExitCode::critical);
  CHECK(world.out().find("older than what this host had, epoch 1 version 50") != std::string::npos);
  CHECK(world.refresh({false, world.options.root + kOffer}) == ExitCode::critical);
  world.forget_output();

  machine.offer(50);
  CHECK(world.diff(kOffer) == ExitCode::ok);
  CHECK(verdict(world).find("manifest 50 would change nothing in ") != std::string::npos);
  machine.offer(51);
  CHECK(world.diff(kOffer) == ExitCode::attention);
  CHECK(world.out().find("+# BEGIN hostspin fleet=test.example epoch=1 version=51 ") !=
        std::string::npos);
  CHECK(world.hosts().find("version=50 ") != std::string::npos);
}

TEST_CASE("diff under a lost state says what apply says", "[diff]") {
  const bool with_seed = GENERATE(true, false);
  CAPTURE(with_seed);
  Machine machine(50);
  AppWorld& world = machine.world;
  if (with_seed) world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(40)));
  world.erase("/var/lib/hostspin");
  CHECK(world.diff() == ExitCode::critical);
  const std::string said = verdict(world);
  CHECK(said.find("state-lost: the block in ") != std::string::npos);
  CHECK(world.apply() == ExitCode::critical);
  CHECK(verdict(world) == said);
}

TEST_CASE("diff without a manifest says what apply says", "[diff]") {
  AppWorld world;
  SECTION("none") {}
  SECTION("one that does not verify") {
    world.write("/var/lib/hostspin/manifest.note", "nonsense\n");
  }
  const ExitCode code = world.diff();
  const std::string said = verdict(world);
  CHECK(world.apply() == code);
  CHECK(code != ExitCode::ok);
  CHECK(verdict(world) == said);
}

TEST_CASE("diff of a note under an expired root says what refresh says", "[diff]") {
  Machine machine(5);
  AppWorld& world = machine.world;
  machine.offer(6);
  world.clock.set(at("2151-01-02T00:00:00Z"));
  CHECK(world.diff(kOffer) == ExitCode::critical);
  const std::string words = "root 1 has expired: nothing can be adopted";
  CHECK(world.err().find("hostspin: error: " + words) != std::string::npos);
  world.forget_output();
  CHECK(world.refresh({false, world.options.root + kOffer}) == ExitCode::critical);
  CHECK(world.err().find("hostspin: error: " + words) != std::string::npos);
}

TEST_CASE("diff of a note beside damaged markers fails as refresh does", "[diff]") {
  Machine machine(5);
  AppWorld& world = machine.world;
  machine.offer(6);
  world.write("/etc/hosts", world.hosts() + world.hosts());
  CHECK(world.diff(kOffer) == ExitCode::critical);
  CHECK(world.err().find("repair") != std::string::npos);
}

TEST_CASE("diff of a held file says that it is held", "[diff]") {
  Machine machine(5);
  AppWorld& world = machine.world;
  world.write("/etc/hostspin/hold", "INC-17");
  world.write("/etc/hosts", "127.0.0.1\tlocalhost\n");
  CHECK(world.diff() == ExitCode::attention);
  CHECK(verdict(world).find("held (INC-17): apply would change ") != std::string::npos);
}
