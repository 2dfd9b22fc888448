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
  CHECK(world.apply() != ExitCode::critical);  // the block that named it was another one
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
