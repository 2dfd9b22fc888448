// What passes over the hosts file leave for people and machines that watch: events, alarms,
// reverts, metrics, status.

#include "pass_record.h"

#include <unistd.h>

#include "watched.h"

using namespace hostspin;
using namespace hostspin::testing;

TEST_CASE("an adoption is told once, and a pass that finds all well says nothing", "[record]") {
  Watched watched;
  CHECK(watched.told() == Told{"nothing_held", "manifest_adopted", "nothing_held-"});
  CHECK(watched.world.refresh() == ExitCode::ok);
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told().empty());
  CHECK(watched.metric("hostspin_block_in_sync") == "1");
  CHECK(watched.metric("hostspin_status{state=\"ok\"}") == "1");
  CHECK(watched.metric("hostspin_drift_repairs_total") == "0");
}

TEST_CASE("a repaired drift is told with its writer, and counted", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.vandalize(
      "127.0.0.1\tlocalhost\n# Your system has configured 'manage_etc_hosts' as True.\n");
  CHECK(watched.world.apply() == ExitCode::ok);
  const std::string out = watched.world.out();
  CHECK(out.find("HOSTSPIN_WRITER=cloud-init") != std::string::npos);
  CHECK(watched.told() == Told{"drift_repaired"});
  CHECK(watched.metric("hostspin_drift_repairs_total") == "1");
  watched.world.options.for_agent = false;
  (void)watched.world.status();
  CHECK(watched.world.out().find(": missing, by cloud-init") != std::string::npos);
}

TEST_CASE("whatever another writer leaves instead of the block is a drift", "[record]") {
  Watched watched;
  (void)watched.told();
  const std::string content = with(watched.good, "10.1.2.3", "10.9.9.9");
  const std::string layout = with(watched.good, "10.1.2.3\t", "10.1.2.3    ");
  const std::string header = with(watched.good, "version=5", "version=4");
  for (const std::string& bytes : {content, layout, header, std::string("127.0.0.1 localhost\n")}) {
    CAPTURE(bytes);
    watched.world.clock.sleep(std::chrono::minutes(5));
    watched.vandalize(bytes);
    (void)watched.world.apply();
    CHECK(watched.told() == Told{"drift_repaired"});
    CHECK(watched.world.hosts().find(watched.good.substr(0, watched.good.find("# END"))) !=
          std::string::npos);
  }
  CHECK(watched.metric("hostspin_drift_repairs_total") == "4");
}

TEST_CASE("what is taken out on purpose is nobody's drift", "[record]") {
  Watched watched;
  (void)watched.told();
  SECTION("by remove") {
    CHECK(watched.world.remove() == ExitCode::ok);
    CHECK(watched.world.release() == ExitCode::ok);
  }
  SECTION("by remove, and put back at once") {
    CHECK(watched.world.remove({true, false}) == ExitCode::ok);
  }
  SECTION("by remove, with passes meanwhile") {
    CHECK(watched.world.remove() == ExitCode::ok);
    (void)watched.world.apply(kUnattended);
    CHECK(watched.told() == Told{"held"});
    CHECK(watched.world.release() == ExitCode::ok);
  }
  SECTION("by hand, while the file is held") {
    watched.world.write("/etc/hostspin/hold", "INC-17");
    watched.vandalize();
    (void)watched.world.apply(kUnattended);
    CHECK(watched.told() == Told{"held"});
    CHECK(watched.world.release() == ExitCode::ok);
  }
  (void)watched.world.apply(kUnattended);
  CHECK(watched.world.hosts() == watched.good);
  for (const std::string& told : watched.told()) CHECK(told == "held-");
  CHECK(watched.metric("hostspin_drift_repairs_total") == "0");
  // From then on it is one again.
  watched.vandalize();
  (void)watched.world.apply(kUnattended);
  CHECK(watched.told() == Told{"drift_repaired"});
}

TEST_CASE("a newer manifest with other lines is no drift", "[record]") {
  Watched watched;
  (void)watched.told();
  ManifestText next = watched.world.manifest(6);
  next.services[0].addresses = {"10.7.7.7"};
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(next));
  (void)watched.world.refresh();
  CHECK(watched.told() == Told{"manifest_adopted"});
  CHECK(watched.metric("hostspin_drift_repairs_total") == "0");
}

TEST_CASE("a fight: five repairs, then an alarm, and the block is left alone for a while",
          "[record]") {
  Watched watched;
  (void)watched.told();
  for (int i = 0; i < 4; ++i) {
    watched.vandalize();
    CHECK(watched.world.apply(kUnattended) == ExitCode::ok);
    CHECK(watched.told() == Told{"drift_repaired"});
  }
  watched.vandalize();
  (void)watched.world.apply(kUnattended);
  CHECK(watched.hint("back_off_ms") == 1000);
  CHECK(watched.told() == Told{"drift_repaired", "writer_fight"});

  watched.vandalize();
  const std::string reverted = watched.world.hosts();
  CHECK(watched.world.apply(kUnattended) == ExitCode::attention);
  CHECK(watched.world.hosts() == reverted);  // nobody fights back
  CHECK(watched.told().empty());
  CHECK(watched.metric("hostspin_block_in_sync") == "0");
  CHECK(watched.metric("hostspin_alarms{alarm=\"writer_fight\"}") == "1");

  // The agent's refresh keeps to it as well; what is new is written nevertheless.
  CHECK(watched.world.refresh() == ExitCode::ok);
  CHECK(watched.world.hosts() == reverted);
  CHECK(watched.told().empty());

  watched.world.clock.sleep(std::chrono::seconds(1));
  (void)watched.world.apply(kUnattended);
  CHECK(watched.world.hosts() == watched.good);
  CHECK(watched.hint("back_off_ms") == 2000);
  CHECK(watched.told() == Told{"drift_repaired"});  // the alarm is told once

  watched.world.clock.sleep(std::chrono::seconds(70));
  CHECK(watched.world.apply(kUnattended) == ExitCode::ok);
  CHECK(watched.hint("back_off_ms") == 0);
  CHECK(watched.told() == Told{"writer_fight-"});
}

TEST_CASE("in a fight a newer manifest is written at once", "[record]") {
  Watched watched;
  for (int i = 0; i < 5; ++i) {
    watched.vandalize();
    (void)watched.world.apply(kUnattended);
  }
  REQUIRE(watched.hint("back_off_ms") == 1000);
  watched.vandalize();
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(watched.world.manifest(6)));
  CHECK(watched.world.refresh() == ExitCode::ok);
  CHECK(watched.world.hosts().find("version=6") != std::string::npos);
}

TEST_CASE("who says apply by hand means it, also in a fight", "[record]") {
  Watched watched;
  for (int i = 0; i < 8; ++i) {
    watched.vandalize();
    (void)watched.world.apply();
    CHECK(watched.world.hosts() == watched.good);
  }
}

TEST_CASE("the moment a block is written, /run/hostspin/changed is new", "[record]") {
  Watched watched;
  CHECK(watched.world.read("/run/hostspin/changed") == "version=5\n");
  watched.world.erase("/run/hostspin/changed");
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK_FALSE(watched.world.exists("/run/hostspin/changed"));
  watched.vandalize();
  (void)watched.world.apply();
  CHECK(watched.world.exists("/run/hostspin/changed"));
}

TEST_CASE("damaged markers are an alarm until they are put right", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.vandalize(watched.good + watched.good);
  CHECK(watched.world.apply() == ExitCode::critical);
  CHECK(watched.told() == Told{"block_not_written"});
  CHECK(watched.world.apply() == ExitCode::critical);
  CHECK(watched.told().empty());
  CHECK(watched.metric("hostspin_status{state=\"not_written\"}") == "1");
  watched.vandalize();
  (void)watched.world.apply();
  CHECK(watched.told() == Told{"drift_repaired", "block_not_written-"});
  CHECK(watched.metric("hostspin_status{state=\"ok\"}") == "1");
}

TEST_CASE("counters and alarms survive the process; the last success stays", "[record]") {
  Watched watched;
  watched.vandalize();
  (void)watched.world.apply();
  const std::string success = watched.metric("hostspin_refresh_last_success_timestamp_seconds");
  watched.world.clock.set(at("2150-02-11T00:00:00Z"));
  (void)watched.world.apply();
  CHECK(watched.metric("hostspin_drift_repairs_total") == "1");
  CHECK(watched.metric("hostspin_refresh_last_success_timestamp_seconds") == success);
  CHECK(watched.metric("hostspin_manifest_expiry_timestamp_seconds") ==
        std::to_string(at("2150-03-01T00:00:00Z").time_since_epoch().count()));
}

TEST_CASE("an expired manifest and a hold are alarms as long as they last", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.world.clock.set(at("2150-03-02T00:00:00Z"));
  (void)watched.world.apply();
  CHECK(watched.told() == Told{"manifest_expired"});
  watched.world.write("/etc/hostspin/hold", "INC-17");
  (void)watched.world.apply();
  CHECK(watched.told() == Told{"held"});
  CHECK(watched.metric("hostspin_held") == "1");
  watched.world.erase("/etc/hostspin/hold");
  watched.world.clock.set(at("2150-02-10T00:00:00Z"));
  (void)watched.world.apply();
  CHECK(watched.told() == Told{"manifest_expired-", "held-"});
}

TEST_CASE("a broken configuration is an alarm of the pass, and ends with it", "[record]") {
  Watched watched;
  (void)watched.told();
  const std::string config = watched.world.read("/etc/hostspin/hostspin.toml");
  watched.world.write("/etc/hostspin/hostspin.toml", "nonsense = 1\n");
  CHECK(watched.world.apply() == ExitCode::unknown);
  CHECK(watched.told() == Told{"block_not_written"});
  watched.world.write("/etc/hostspin/hostspin.toml", config);
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told() == Told{"block_not_written-"});
}

TEST_CASE("without the lock no alarm is booked, and the supervisor hears it", "[record]") {
  Watched watched;
  (void)watched.told();
  const std::string book = watched.world.read("/run/hostspin/alarms");
  const std::string config = watched.world.read("/etc/hostspin/hostspin.toml");
  watched.world.write("/etc/hostspin/hostspin.toml", "nonsense = 1\n");
  {
    const Result<Lock> lock = watched.world.take_lock();
    REQUIRE(lock);
    CHECK(watched.world.apply() == ExitCode::unknown);
  }
  CHECK(watched.hint("unbooked") == 1);
  CHECK(watched.hint("busy") == getpid());
  CHECK(watched.told().empty());
  CHECK(watched.world.read("/run/hostspin/alarms") == book);
  CHECK(watched.world.apply() == ExitCode::unknown);
  CHECK(watched.told() == Told{"block_not_written"});
}

TEST_CASE("a pass that finds the lock taken says so, and by whom", "[record]") {
  Watched watched;
  (void)watched.told();
  const Result<Lock> lock = watched.world.take_lock();
  REQUIRE(lock);
  SECTION("over the hosts file") { CHECK(watched.world.apply() == ExitCode::unknown); }
  SECTION("over the sources") { CHECK(watched.world.refresh() == ExitCode::unknown); }
  SECTION("of probes, which come before it") { CHECK(watched.world.probe() == ExitCode::ok); }
  CHECK(watched.hint("busy") == getpid());
  CHECK(watched.told().empty());
}

TEST_CASE("alarms that a killed pass has booked are told by the next one, once", "[record]") {
  Watched watched;
  (void)watched.told();
  std::string book = watched.world.read("/run/hostspin/alarms");
  const std::string untold = R"("untold": [{"alarm": "held", "cleared": true, "message": "m",
                                 "number": 7, "fields": {}}])";
  REQUIRE(book.find("\"untold\": []") != std::string::npos);
  watched.world.write("/run/hostspin/alarms", with(book, "\"untold\": []", untold));
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told() == Told{"held-"});
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told().empty());
}

TEST_CASE("where the state directory cannot be written, metrics keep what passes before have found",
          "[record]") {
  Watched watched;
  watched.vandalize();
  (void)watched.world.apply();
  const std::string status = watched.world.read("/var/lib/hostspin/status.json");
  const std::string success = watched.metric("hostspin_refresh_last_success_timestamp_seconds");
  watched.world.erase("/var/lib/hostspin/status.json");
  watched.world.write("/var/lib/hostspin/status.json/in-the-way", "");  // fails root's writes, too
  watched.world.write("/run/hostspin/status.json", status);
  const auto check = [&] {
    CHECK(watched.metric("hostspin_block_in_sync") == "1");
    CHECK(watched.metric("hostspin_status{state=\"ok\"}") == "1");
    CHECK(watched.metric("hostspin_drift_repairs_total") == "1");
    CHECK(watched.metric("hostspin_refresh_last_success_timestamp_seconds") == success);
  };
  CHECK(watched.world.probe() == ExitCode::ok);
  check();
  CHECK(watched.world.refresh() == ExitCode::ok);
  check();
  // Its own repairs are counted on, and go with it when it can be written again.
  watched.vandalize();
  (void)watched.world.apply();
  CHECK(watched.metric("hostspin_drift_repairs_total") == "2");
  watched.world.erase("/var/lib/hostspin/status.json");
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.metric("hostspin_drift_repairs_total") == "2");
  CHECK(watched.world.exists("/var/lib/hostspin/status.json"));
  CHECK_FALSE(watched.world.exists("/run/hostspin/status.json"));
}

TEST_CASE("what was kept before the state directory was there does not take its place",
          "[record]") {
  Watched watched;
  watched.vandalize();
  (void)watched.world.apply();
  watched.world.write("/run/hostspin/status.json",
                      R"({"schema": "hostspin.telemetry/1", "facts": {"state": "nothing_held"}})");
  CHECK(watched.world.probe() == ExitCode::ok);
  CHECK(watched.metric("hostspin_drift_repairs_total") == "1");
  CHECK(watched.metric("hostspin_block_in_sync") == "1");
}

TEST_CASE("a fight is seen where the state directory cannot be written", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.world.erase("/var/lib/hostspin/status.json");
  watched.world.write("/var/lib/hostspin/status.json/in-the-way", "");  // fails root's writes, too
  CHECK(watched.world.apply() == ExitCode::ok);
  for (int i = 0; i < 5; ++i) {
    watched.vandalize();
    (void)watched.world.apply(kUnattended);
  }
  CHECK(watched.hint("back_off_ms") == 1000);
  CHECK(watched.told() == Told{"drift_repaired", "drift_repaired", "drift_repaired",
                               "drift_repaired", "drift_repaired", "writer_fight"});
}
