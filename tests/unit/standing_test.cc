#include "app_world.h"
#include "catch.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

/// Root 2 opens epoch 2, and a manifest of it is adopted; then the state directory is lost. The
/// seed is of epoch 1.
void lose_state_after_new_epoch(AppWorld& world, bool with_seed) {
  if (with_seed) world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(900)));
  RootText next = world.root(2);
  next.epoch = 2;
  world.net.serve(root_url(2), world.fleet.sign(next));
  ManifestText manifest = world.manifest(3);
  manifest.epoch = 2;
  manifest.services[0].addresses = {"10.7.7.7"};
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  REQUIRE(world.refresh() == ExitCode::ok);
  REQUIRE(world.hosts().find("epoch=2 version=3 root=2 ") != std::string::npos);
  world.erase("/var/lib/hostspin");
}

ExitCode verify_offline(AppWorld& world) {
  VerifyOptions offline;
  offline.offline = true;
  return world.verify(offline);
}

}  // namespace

TEST_CASE("a state lost after an epoch change is told by everybody until a manifest as new comes",
          "[standing][attack]") {
  const bool with_seed = GENERATE(true, false);
  const bool names_root = GENERATE(true, false);
  CAPTURE(with_seed, names_root);
  AppWorld world;
  lose_state_after_new_epoch(world, with_seed);
  if (!names_root) world.write("/etc/hosts", with(world.hosts(), " root=2", ""));
  const std::string hosts = world.hosts();
  // A mirror that withholds root 2 and replays the old epoch.
  world.net.withdraw(root_url(2));
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(901)));
  const auto check_lost = [&](ExitCode code) {
    CHECK(code == ExitCode::critical);
    CHECK(world.hosts() == hosts);
  };
  check_lost(world.apply());
  CHECK(world.out().find("state-lost") != std::string::npos);
  check_lost(world.refresh());
  check_lost(verify_offline(world));
  world.forget_output();
  check_lost(world.status());
  CHECK(world.out().find("state-lost") != std::string::npos);
  CHECK(world.out().find("in step") == std::string::npos);

  // Root 2 alone brings the manifest of its epoch back into reach, a source that has both mends
  // all.
  RootText next = world.root(2);
  next.epoch = 2;
  world.net.serve(root_url(2), world.fleet.sign(next));
  check_lost(world.refresh());
  ManifestText manifest = world.manifest(2);
  manifest.epoch = 2;
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  check_lost(world.refresh());  // of the right epoch, and older than the block
  manifest.version = 3;
  manifest.extra = "rollout = 1440\n";  // which such a host does not wait for
  manifest.issued = "2150-02-10T00:00:00Z";
  world.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(verify_offline(world) == ExitCode::ok);
  CHECK(world.status() == ExitCode::ok);
}

TEST_CASE("a wrong header is cured by a later root, from afar", "[standing][attack]") {
  const bool with_seed = GENERATE(true, false);
  const std::string claim = GENERATE("epoch=9 version=5", "epoch=1 version=9999");
  CAPTURE(with_seed, claim);
  AppWorld world;
  if (with_seed) world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(2)));
  adopt(world, 5);
  world.write("/etc/hosts", with(world.hosts(), "epoch=1 version=5", claim));
  world.erase("/var/lib/hostspin");
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(6)));
  CHECK(world.refresh() == ExitCode::critical);  // it raises the floor for adopting
  CHECK(world.hosts().find(claim) != std::string::npos);

  world.net.serve(root_url(2), world.fleet.sign(world.root(2)));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.hosts().find("epoch=1 version=6 root=2 ") != std::string::npos);
  CHECK(verify_offline(world) == ExitCode::ok);
}

TEST_CASE("a cured header lets the seed back where no source has a newer manifest",
          "[standing][attack]") {
  AppWorld world;
  const std::string seed = world.fleet.sign(world.manifest(2));
  world.write("/etc/hostspin/manifest.note", seed);
  adopt(world, 5);
  world.write("/etc/hosts",
              with(with(world.hosts(), "epoch=1", "epoch=9"), "10.1.2.3", "10.6.6.6"));
  world.erase("/var/lib/hostspin");
  world.net.serve(kManifestURL, seed);
  CHECK(world.refresh() == ExitCode::critical);
  CHECK(world.hosts().find("10.6.6.6") != std::string::npos);
  world.net.serve(root_url(2), world.fleet.sign(world.root(2)));
  CHECK(world.refresh() != ExitCode::critical);
  CHECK(world.hosts().find("epoch=1 version=2 root=2 ") != std::string::npos);
  CHECK(world.hosts().find("10.6.6.6") == std::string::npos);
}

TEST_CASE("a root that revokes the seed does not cure the header in its favour",
          "[standing][attack]") {
  // Root 3 is later than the header's root 2, but the seed is of a closed epoch: the block stays.
  AppWorld world;
  lose_state_after_new_epoch(world, true);
  const std::string hosts = world.hosts();
  RootText next = world.root(2);
  next.epoch = 2;
  world.net.serve(root_url(2), world.fleet.sign(next));
  next.version = 3;
  world.net.serve(root_url(3), world.fleet.sign(next));
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(901)));
  CHECK(world.refresh() == ExitCode::critical);
  CHECK(world.hosts() == hosts);
  CHECK(world.apply() == ExitCode::critical);
  CHECK(world.hosts() == hosts);
  CHECK(verify_offline(world) == ExitCode::critical);
}

TEST_CASE("a header of another fleet, or of a root too far ahead, keeps nothing back",
          "[standing][attack]") {
  AppWorld world;
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(2)));
  adopt(world, 5);
  const bool is_fleet = GENERATE(true, false);
  world.write("/etc/hosts", is_fleet
                                ? with(world.hosts(), "fleet=test.example", "fleet=other.example")
                                : with(world.hosts(), "root=1 ", "root=258 "));
  world.erase("/var/lib/hostspin");
  CHECK(world.apply() != ExitCode::critical);
  CHECK(world.hosts().find("version=2 ") != std::string::npos);
}

TEST_CASE("apply takes the higher of the stored manifest and the seed", "[standing]") {
  AppWorld world;
  adopt(world, 5);
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(4)));
  CHECK(world.apply() == ExitCode::ok);
  CHECK(world.hosts().find("version=5 ") != std::string::npos);
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(6)));
  CHECK(world.apply() == ExitCode::ok);
  CHECK(world.hosts().find("version=6 ") != std::string::npos);
}

TEST_CASE("an expired seed is applied all the same, with a warning", "[standing]") {
  AppWorld world;
  world.clock.set(at("2150-11-01T00:00:00Z"));
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(4)));
  CHECK(world.apply() == ExitCode::attention);
  CHECK(world.hosts().find("version=4 ") != std::string::npos);
  CHECK(world.err().find("expired") != std::string::npos);
}

TEST_CASE("deleting the state never lowers the floor below the seed", "[standing][attack]") {
  AppWorld world;
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(4)));
  adopt(world, 5);
  world.erase("/var/lib/hostspin");
  world.erase("/etc/hosts");
  world.write("/etc/hosts", "127.0.0.1 localhost\n");
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(3)));
  CHECK(world.refresh() == ExitCode::critical);
  CHECK(world.hosts().find("version=4 ") != std::string::npos);
}

TEST_CASE("with the state lost, the block's header keeps the floor and the block stays",
          "[standing][attack]") {
  AppWorld world;
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(2)));
  adopt(world, 5);
  const std::string hosts = world.hosts();
  const std::string damage = GENERATE("deleted", "truncated", "noise");
  CAPTURE(damage);
  if (damage == "deleted") world.erase("/var/lib/hostspin");
  if (damage == "truncated") world.write("/var/lib/hostspin/manifest.note", "");
  if (damage == "noise") world.write("/var/lib/hostspin/manifest.note", std::string(300, '\x07'));

  CHECK(world.apply() == ExitCode::critical);
  CHECK(world.hosts() == hosts);
  CHECK(world.out().find("state-lost") != std::string::npos);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(4)));
  CHECK(world.refresh() == ExitCode::critical);
  CHECK(world.hosts() == hosts);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(6)));
  CHECK(world.refresh() != ExitCode::critical);
  CHECK(world.hosts().find("version=6 ") != std::string::npos);
}

TEST_CASE("a header that claims too much is not believed over a verified manifest",
          "[standing][attack]") {
  AppWorld world;
  adopt(world, 5);
  world.write("/etc/hosts", with(world.hosts(), "version=5", "version=999"));
  world.forget_output();
  CHECK(world.apply() == ExitCode::attention);
  const std::string err = world.err();
  CHECK(err.find("version 999, newer than the stored manifest 5") != std::string::npos);
  CHECK(err.find("newer than the stored") == err.rfind("newer than the stored"));  // said once
  CHECK(world.hosts().find("version=5 ") != std::string::npos);
  CHECK(world.apply() == ExitCode::ok);
  adopt(world, 6);
}

TEST_CASE("with neither state nor seed the block stays, and no older manifest is adopted",
          "[standing][attack]") {
  AppWorld world;
  adopt(world, 5);
  const std::string hosts = world.hosts();
  world.erase("/var/lib/hostspin");
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(4)));
  CHECK(world.refresh() == ExitCode::critical);
  CHECK(world.hosts() == hosts);
}

TEST_CASE("a block altered in its place is put right, and said to have been", "[standing]") {
  AppWorld world;
  adopt(world, 5);
  const std::string hosts = world.hosts();
  world.write("/etc/hosts", with(hosts, "10.1.2.3\t", "10.6.6.6\t"));
  CHECK(world.apply() == ExitCode::attention);
  CHECK(world.hosts() == hosts);
  CHECK(world.err().find("drift: ") != std::string::npos);
}

TEST_CASE("a newly baked seed is no drift", "[standing]") {
  AppWorld world;
  adopt(world, 5);
  ManifestText seed = world.manifest(6);
  seed.services[0].addresses = {"10.7.7.7"};
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(seed));
  CHECK(world.apply() == ExitCode::ok);
  CHECK(world.hosts().find("10.7.7.7\t") != std::string::npos);
}

TEST_CASE("a newer block with a line outside the root's bounds gives way to the seed",
          "[standing][attack]") {
  AppWorld world;
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(2)));
  adopt(world, 5);
  world.erase("/var/lib/hostspin");
  world.write("/etc/hosts", with(world.hosts(), "10.1.2.3\t", "192.0.2.66\t"));
  CHECK(world.apply() == ExitCode::attention);
  CHECK(world.err().find("lines outside the root's names and networks") != std::string::npos);
  CHECK(world.hosts().find("192.0.2.66") == std::string::npos);
  CHECK(world.hosts().find("version=2 ") != std::string::npos);
}

TEST_CASE("an older valid manifest put into the state lowers nothing that the seed holds",
          "[standing][attack]") {
  AppWorld world;
  world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(4)));
  adopt(world, 5);
  world.write("/var/lib/hostspin/manifest.note", world.fleet.sign(world.manifest(1)));
  (void)world.apply();  // its exit code is another test's business
  CHECK(world.hosts().find("version=4 ") != std::string::npos);
}

TEST_CASE("a manifest of keys since rotated out keeps the block until it is replaced",
          "[standing]") {
  AppWorld world;
  adopt(world, 5);
  RootText next = world.root(2);
  const Signers fresh{SigningKey("new/a"), SigningKey("new/b")};
  next.manifest_keys = vkeys_of(fresh);
  world.net.serve(root_url(2), world.fleet.sign(next));
  CHECK(world.refresh() == ExitCode::critical);  // the source still gives the old signers' manifest
  world.forget_output();
  CHECK(world.apply() == ExitCode::attention);
  CHECK(world.err().find("replaced") != std::string::npos);
  CHECK(world.hosts().find("version=5 ") != std::string::npos);
  world.net.serve(kManifestURL, sign_note(world.manifest(6).text(), fresh));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.hosts().find("version=6 ") != std::string::npos);
}

TEST_CASE("epoch + 1 cures a fast-forward attack", "[standing][attack]") {
  AppWorld world;
  adopt(world, 2000000);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(6)));
  CHECK(world.refresh() == ExitCode::critical);
  RootText next = world.root(2);
  next.epoch = 2;
  world.net.serve(root_url(2), world.fleet.sign(next));
  ManifestText manifest = world.manifest(1);
  manifest.epoch = 2;
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.hosts().find("epoch=2 version=1 ") != std::string::npos);
}

TEST_CASE("a broken trust root stops everything and touches nothing", "[standing][attack]") {
  AppWorld world;
  adopt(world, 5);
  const std::string hosts = world.hosts();
  world.write("/etc/hostspin/root.note",
              with(world.read("/etc/hostspin/root.note"), "10.0.0.0/8", "0.0.0.0/8"));
  const std::size_t fetched = world.net.fetched().size();
  CHECK(world.apply() == ExitCode::unknown);
  CHECK(world.refresh() == ExitCode::unknown);
  CHECK(world.hosts() == hosts);
  CHECK(world.net.fetched().size() == fetched);
}

TEST_CASE("the clock at 1970 and at 2099 gives the verdicts of the clock rule", "[standing]") {
  AppWorld world;
  adopt(world, 5);
  const std::string hosts = world.hosts();
  const auto state = world.state();

  // 1970 is not believed: the root's `issued` is later. The manifest is dated ahead of that, no
  // more.
  world.clock.set(std::chrono::sys_seconds{});
  CHECK(world.apply() == ExitCode::attention);
  CHECK(world.err().find("ahead of this host's clock") != std::string::npos);
  CHECK(world.hosts() == hosts);
  world.forget_output();

  // In 2199 everything has expired: an alarm, and the block stays.
  world.clock.set(at("2199-01-01T00:00:00Z"));
  CHECK(world.apply() == ExitCode::attention);
  CHECK(world.err().find("manifest 5 expired") != std::string::npos);
  CHECK(world.hosts() == hosts);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(6)));
  CHECK(world.refresh() == ExitCode::critical);
  CHECK(world.hosts() == hosts);
  CHECK(world.state() == state);  // nothing of the excursions was kept …

  // … so that the right time brings back the right verdicts, in both directions.
  world.clock.set(at("2150-02-10T00:00:00Z"));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.hosts().find("version=6 ") != std::string::npos);
}

TEST_CASE("a clock that jumps between two refreshes leaves the state that a steady one leaves",
          "[standing]") {
  std::vector<std::map<std::string, std::string>> states;
  for (const bool jumps : {false, true}) {
    AppWorld world;
    for (int version = 5; version <= 8; ++version) {
      if (jumps) {
        world.clock.set(version % 2 == 0 ? std::chrono::sys_seconds{} : at("2150-02-27T00:00:00Z"));
      }
      world.net.serve(kManifestURL, world.fleet.sign(world.manifest(version)));
      CHECK(world.refresh() != ExitCode::critical);  // at most a warning that the clock is behind
    }
    states.push_back(world.state());
  }
  CHECK(states[0] == states[1]);
  CHECK(states[0].contains("/manifest.note"));
}
