// A pin that is left out because the machine says that the name is its own: never without a word.
#include "watched.h"

using namespace hostspin;
using namespace hostspin::testing;

TEST_CASE("a pin left out for being the host's own name is an alarm until it is back",
          "[own_name][attack]") {
  Watched watched;
  AppWorld& world = watched.world;
  (void)watched.told();
  world.write("/etc/hostname", "db.svc.example.com\n");
  CHECK(world.apply() == ExitCode::attention);
  CHECK(world.hosts().find("db.svc.example.com") == std::string::npos);
  CHECK(world.err().find("own_name: db.svc.example.com") != std::string::npos);
  const Told told = watched.told();
  CHECK(std::count(told.begin(), told.end(), "own_name") == 1);
  CHECK(watched.metric("hostspin_own_names") == "1");
  CHECK(watched.metric("hostspin_block_in_sync") == "0");
  CHECK(watched.metric("hostspin_status{state=\"own_name\"}") == "1");
  CHECK(watched.metric("hostspin_status{state=\"ok\"}") == "0");

  CHECK(world.apply() == ExitCode::attention);  // for as long as it is so, and told once
  CHECK(watched.told().empty());
  CHECK(world.refresh() == ExitCode::attention);
  VerifyOptions offline;
  offline.offline = true;
  CHECK(world.verify(offline) == ExitCode::attention);
  CHECK(world.status() == ExitCode::attention);
  CHECK(world.out().find("own_name db.svc.example.com, since ") != std::string::npos);
  world.forget_output();

  world.write("/etc/hostname", "client-7\n");
  (void)world.apply();
  CHECK(world.hosts() == watched.good);
  const Told after = watched.told();
  CHECK(std::count(after.begin(), after.end(), "own_name-") == 1);
  CHECK(watched.metric("hostspin_own_names") == "0");
  CHECK(watched.metric("hostspin_block_in_sync") == "1");
}

TEST_CASE("an own name that the configuration acknowledges is left out without a word",
          "[own_name]") {
  Watched watched;
  AppWorld& world = watched.world;
  world.write("/etc/hostname", "db.svc.example.com\n");
  world.write("/etc/hostspin/conf.d/own.toml",
              "[hosts]\nown_names = [\"db.svc.example.com\", \"other.example\"]\n");
  world.forget_output();
  CHECK(world.apply() == ExitCode::ok);
  CHECK(world.hosts().find("db.svc.example.com") == std::string::npos);
  world.forget_output();
  CHECK(world.apply() == ExitCode::ok);
  CHECK(world.err().find("own_name") == std::string::npos);
  const Told told = watched.told();
  CHECK(std::count(told.begin(), told.end(), "own_name") == 0);
  CHECK(watched.metric("hostspin_own_names") == "0");
  CHECK(watched.metric("hostspin_block_in_sync") == "1");
  CHECK(watched.metric("hostspin_status{state=\"ok\"}") == "1");
  CHECK(world.status() == ExitCode::ok);
}

TEST_CASE("the short form of an own name takes out no pin of the long one", "[own_name]") {
  Watched watched;
  watched.world.write("/etc/hostname", "db\n");
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.world.hosts() == watched.good);
}

TEST_CASE("a change of the host's own name is nobody's drift, however often it comes",
          "[own_name]") {
  Watched watched;
  AppWorld& world = watched.world;
  (void)watched.told();
  const bool remembers = GENERATE(true, false);
  CAPTURE(remembers);
  for (int i = 0; i < 8; ++i) {
    CAPTURE(i);
    if (!remembers) {  // as an image whose state and /run were not taken along
      world.erase("/var/lib/hostspin/status.json");
      world.erase("/run/hostspin/block");
    }
    const bool is_own = i % 2 == 0;
    world.write("/etc/hostname", is_own ? "db.svc.example.com\n" : "client-7\n");
    CHECK(world.apply(kUnattended) == (is_own ? ExitCode::attention : ExitCode::ok));
    CHECK((world.hosts() == watched.good) == !is_own);
    CHECK(watched.hint("back_off_ms") == 0);
    CHECK(world.err().find("drift: ") == std::string::npos);
    CHECK(watched.told() == Told{is_own ? "own_name" : "own_name-"});
  }
  CHECK(watched.metric("hostspin_drift_repairs_total") == "0");
}

TEST_CASE("what another program takes out while a name is the host's own is a drift",
          "[own_name][attack]") {
  Watched watched;
  AppWorld& world = watched.world;
  world.write("/etc/hostname", "db.svc.example.com\n");
  (void)world.apply();
  (void)watched.told();
  watched.vandalize();
  (void)world.apply();
  CHECK(watched.told() == Told{"drift_repaired"});
  // As a pass left it under another own name: but it is not what was written last.
  watched.vandalize(watched.good);
  CHECK(world.apply() == ExitCode::attention);
  CHECK(watched.told() == Told{"drift_repaired"});
  CHECK(watched.metric("hostspin_drift_repairs_total") == "2");
}

TEST_CASE("a block of another file, and a first line that was cleared on purpose, are no drift",
          "[own_name][record]") {
  Watched watched;
  AppWorld& world = watched.world;
  (void)watched.told();
  SECTION("the configuration names another file") {
    world.write("/etc/other-hosts", "127.0.0.1\tlocalhost\n");
    world.write("/etc/hostspin/conf.d/path.toml", "[hosts]\npath = \"/etc/other-hosts\"\n");
    CHECK(world.apply() == ExitCode::ok);
    CHECK(world.read("/etc/other-hosts") == watched.good);
  }
  SECTION("trust reset") {
    world.write("/etc/hostspin/manifest.note", world.fleet.sign(world.manifest(4)));
    CHECK(world.trust_reset() == ExitCode::ok);
    (void)world.apply();
    CHECK(world.hosts().find(" version=4 ") != std::string::npos);
  }
  CHECK(watched.told().empty());
  CHECK(watched.metric("hostspin_drift_repairs_total") == "0");
}

TEST_CASE("a host name that cannot be read keeps out what is left out, and takes nothing out",
          "[own_name][attack]") {
  Watched watched;
  AppWorld& world = watched.world;
  const bool was_own = GENERATE(true, false);
  const bool is_long_comment = GENERATE(true, false);
  CAPTURE(was_own, is_long_comment);
  if (was_own) {
    world.write("/etc/hostname", "db.svc.example.com\n");
    (void)world.apply();
  }
  const std::string hosts = world.hosts();
  (void)watched.told();
  if (is_long_comment) {
    world.write("/etc/hostname", "#" + std::string(5000, 'x') + "\ndb.svc.example.com\n");
  } else {
    world.erase("/etc/hostname");
    world.write("/etc/hostname/inside", "a folder in its place\n");
  }
  CHECK(world.apply() == ExitCode::attention);
  CHECK(world.hosts() == hosts);
  CHECK(world.err().find("own_name: ") != std::string::npos);
  CHECK(world.err().find("mend /etc/hostname") != std::string::npos);
  CHECK(watched.told() == Told{"own_name"});
  CHECK(watched.metric("hostspin_status{state=\"own_name\"}") == "1");

  // A newer manifest as well.
  ManifestText next = world.manifest(6);
  next.services = {{"db.svc.example.com", {"10.7.7.7"}, {}, ""},
                   {"api.svc.example.com", {"10.7.7.8"}, {}, ""}};
  world.net.serve(kManifestURL, world.fleet.sign(next));
  CHECK(world.refresh() == ExitCode::attention);
  CHECK(world.hosts().find("10.7.7.8\tapi.svc.example.com\n") != std::string::npos);
  CHECK((world.hosts().find("\tdb.svc.example.com\n") == std::string::npos) == was_own);
  CHECK(watched.metric("hostspin_drift_repairs_total") == "0");

  world.erase("/etc/hostname");
  world.write("/etc/hostname", "client-7\n");
  (void)watched.told();
  CHECK(world.apply() == ExitCode::ok);
  const Told told = watched.told();
  CHECK(std::count(told.begin(), told.end(), "own_name-") == (was_own ? 2 : 1));
  CHECK(world.hosts().find("\tdb.svc.example.com\n") != std::string::npos);
}
