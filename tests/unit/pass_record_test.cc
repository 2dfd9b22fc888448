// What passes leave for people and machines that watch: events, alarms, reverts, metrics, status.

#include "pass_record.h"

#include <algorithm>

#include "app_world.h"
#include "catch.h"
#include "events.h"
#include "run_files.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

const std::string kManifestURL = std::string(kSourceURL) + "/manifest.note";
const std::string kMetrics = "/var/lib/prometheus/node-exporter/hostspin.prom";

/// A machine with manifest 5 pinned, whose passes speak as the agent's do.
struct Watched {
  Watched() {
    world.write("/var/lib/prometheus/node-exporter/other.prom", "");
    ManifestText manifest = world.manifest(5);
    manifest.services = {{"db.svc.example.com", {"10.1.2.3"}, {}, "check = { tcp = 5432 }\n"}};
    world.net.serve(kManifestURL, world.fleet.sign(manifest));
    world.options.for_agent = true;
    REQUIRE(world.refresh() == ExitCode::ok);
    good = world.hosts();
  }

  /// What the last command told, and nothing of what was told before.
  std::vector<std::string> told() {
    std::vector<std::string> names;
    const std::string out = world.out();
    for (std::size_t at = 0; at < out.size();) {
      const std::size_t end = std::min(out.find('\n', at), out.size());
      const std::optional<Event> event =
          parse_event_line(std::string_view(out).substr(at, end - at));
      if (event)
        names.push_back(std::string(event_name(event->kind)) + (event->cleared ? "-" : ""));
      at = end + 1;
    }
    world.forget_output();
    return names;
  }

  std::int64_t hint(const std::string& key) {
    const std::string out = world.out();
    const std::string line = "@hint " + key + "=";
    const std::size_t at = out.rfind(line);
    REQUIRE(at != std::string::npos);
    return std::stoll(out.substr(at + line.size()));
  }

  /// The value of one line of the metrics.
  std::string metric(const std::string& name) const {
    const std::string text = "\n" + world.read(kMetrics);
    const std::size_t at = text.find("\n" + name + " ");
    if (at == std::string::npos) return "(none)";
    const std::size_t value = at + name.size() + 2;
    return text.substr(value, text.find('\n', value) - value);
  }

  void vandalize(const std::string& bytes = "127.0.0.1\tlocalhost\n") {
    world.write("/etc/hosts", bytes);
  }

  AppWorld world;
  std::string good;
};

using Told = std::vector<std::string>;
constexpr ApplyOptions kUnattended{true};

}  // namespace

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

TEST_CASE("sources that fail are alarms, one each, and so is that nothing was confirmed",
          "[record]") {
  Watched watched;
  (void)watched.told();
  watched.world.net.break_url(kManifestURL, "connection refused");
  (void)watched.world.refresh();
  CHECK(watched.told() == Told{"refresh_failed", "source_failed"});
  (void)watched.world.refresh();
  CHECK(watched.told().empty());
  CHECK(watched.world.read(kMetrics).find("hostspin_refresh_failures_total{reason=") !=
        std::string::npos);
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

TEST_CASE("probes: metrics at once, alarms by rise and fall, and the file is never touched",
          "[record]") {
  Watched watched;
  const std::string labels =
      "{service=\"db.svc.example.com\",address=\"10.1.2.3\",check=\"tcp:5432\"}";
  CHECK(watched.world.probe() == ExitCode::ok);
  CHECK(watched.metric("hostspin_address_up" + labels) == "1");
  (void)watched.told();
  watched.world.net.set_verdict("10.1.2.3", Verdict::refused);
  (void)watched.world.probe();
  CHECK(watched.metric("hostspin_address_up" + labels) == "0");
  CHECK(watched.metric("hostspin_address_alarm" + labels) == "0");
  (void)watched.world.probe();
  CHECK(watched.told().empty());
  (void)watched.world.probe();
  CHECK(watched.told() == Told{"address_down"});
  CHECK(watched.metric("hostspin_address_alarm" + labels) == "1");
  watched.world.net.set_verdict("10.1.2.3", Verdict::ok);
  (void)watched.world.probe();
  (void)watched.world.probe();
  CHECK(watched.told() == Told{"address_down-"});
  CHECK(watched.world.hosts() == watched.good);
}

TEST_CASE("a manifest that waits for this host's turn is told once, and status says when",
          "[record]") {
  Watched watched;
  (void)watched.told();
  ManifestText next = watched.world.manifest(6);
  next.issued = "2150-02-10T00:00:00Z";
  next.extra = "spread = 1440\n";
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(next));
  CHECK(watched.world.refresh() == ExitCode::ok);
  CHECK(watched.hint("adopt_in_s") > 0);
  CHECK(watched.told() == Told{"manifest_waiting"});
  (void)watched.world.refresh();
  CHECK(watched.told().empty());
  watched.world.options.for_agent = false;
  (void)watched.world.status();
  CHECK(watched.world.out().find("waiting         manifest 6 is adopted here at 2150-02-10T") !=
        std::string::npos);
}

TEST_CASE("a source that flaps ends no wait, and waiting is no staleness", "[record]") {
  Watched watched;
  ManifestText next = watched.world.manifest(6);
  next.issued = "2150-02-10T00:00:00Z";
  next.extra = "spread = 1440\n";
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(next));
  watched.world.clock.set(at("2150-02-10T00:01:00Z"));
  CHECK(watched.world.refresh() == ExitCode::ok);
  const std::string success = watched.metric("hostspin_refresh_last_success_timestamp_seconds");
  CHECK(success == std::to_string(at("2150-02-10T00:01:00Z").time_since_epoch().count()));
  const std::string turn = watched.metric("hostspin_manifest_adoption_timestamp_seconds");
  (void)watched.told();

  watched.world.net.break_url(kManifestURL, "connection refused");
  (void)watched.world.refresh();
  CHECK(watched.told() == Told{"refresh_failed", "source_failed"});
  CHECK(watched.metric("hostspin_manifest_adoption_timestamp_seconds") == turn);
  watched.world.net.mend_url(kManifestURL);
  (void)watched.world.refresh();
  CHECK(watched.told() == Told{"refresh_failed-", "source_failed-"});

  // Taken back by its publisher, or past its time: it waits no more.
  SECTION("taken back") {
    watched.world.net.serve(kManifestURL, watched.world.state().at("/manifest.note"));
    (void)watched.world.refresh();
  }
  SECTION("past its time") {
    watched.world.net.break_url(kManifestURL, "connection refused");
    watched.world.clock.set(at("2150-02-11T00:00:00Z"));
    (void)watched.world.refresh();
  }
  CHECK(watched.metric("hostspin_manifest_adoption_timestamp_seconds") == "(none)");
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
  CHECK(watched.told().empty());
  CHECK(watched.world.read("/run/hostspin/alarms") == book);
  CHECK(watched.world.apply() == ExitCode::unknown);
  CHECK(watched.told() == Told{"block_not_written"});
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

TEST_CASE("what is not looked at any more is no alarm any more", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.world.net.set_verdict("10.1.2.3", Verdict::refused);
  for (int i = 0; i < 3; ++i) (void)watched.world.probe();
  watched.world.net.break_url(kManifestURL, "connection refused");
  (void)watched.world.refresh();
  CHECK(watched.told() == Told{"address_down", "refresh_failed", "source_failed"});
  const std::string config = watched.world.read("/etc/hostspin/hostspin.toml");
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told().empty());
  watched.world.write("/etc/hostspin/hostspin.toml", config + "[verify]\ninterval = \"0\"\n");
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told() == Told{"address_down-"});
  watched.world.write("/etc/hostspin/hostspin.toml", "[verify]\ninterval = \"0\"\n");
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told() == Told{"refresh_failed-", "source_failed-"});
}

TEST_CASE("a refresh that ends after the reload leaves no alarm that stays", "[record]") {
  Watched watched;
  watched.world.write("/etc/hostspin/hostspin.toml", "");
  watched.world.write("/bad.note", "garbage");
  CHECK(watched.world.reload() == ExitCode::ok);
  (void)watched.told();
  (void)watched.world.refresh({false, watched.world.options.root + "/bad.note"});
  CHECK(watched.told() == Told{"refresh_failed", "manifest_refused"});
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told() == Told{"refresh_failed-", "manifest_refused-"});
}

TEST_CASE("a refused root is told with the reason's code", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.world.net.serve(std::string(kSourceURL) + "/root/2.note", "garbage");
  (void)watched.world.refresh();
  const std::string out = watched.world.out();
  CHECK(out.find("HOSTSPIN_CODE=bad_note") != std::string::npos);
  CHECK(out.find("HOSTSPIN_CODE=internal") == std::string::npos);
  CHECK(watched.told() == Told{"refresh_failed", "manifest_refused"});
}

TEST_CASE("what probes found is forgotten when nobody probes any more", "[record]") {
  Watched watched;
  watched.world.net.set_verdict("10.1.2.3", Verdict::refused);
  for (int i = 0; i < 3; ++i) (void)watched.world.probe();
  const std::string alarm =
      "hostspin_address_alarm{service=\"db.svc.example.com\",address=\"10.1.2.3\",check=\"tcp:"
      "5432\"}";
  CHECK(watched.metric(alarm) == "1");
  (void)watched.told();
  watched.world.clock.set(at("2150-02-10T00:03:00Z"));
  (void)watched.world.apply();
  CHECK(watched.metric(alarm) == "1");
  CHECK(watched.told().empty());
  watched.world.clock.set(at("2150-02-10T00:04:00Z"));
  (void)watched.world.apply();
  CHECK(watched.metric(alarm) == "(none)");
  CHECK(watched.told() == Told{"address_down-"});
}

TEST_CASE("probes that cannot be run are an alarm for as long as somebody tries", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.world.net.refuse_to_start();
  (void)watched.world.probe();
  CHECK(watched.told() == Told{"probe_failed"});
  (void)watched.world.apply();
  CHECK(watched.told().empty());
  watched.world.clock.set(at("2150-02-10T00:10:00Z"));
  (void)watched.world.apply();
  CHECK(watched.told() == Told{"probe_failed-"});
}

TEST_CASE("without a manifest a round of probes finds nothing down", "[record]") {
  Watched watched;
  watched.world.net.set_verdict("10.1.2.3", Verdict::refused);
  for (int i = 0; i < 3; ++i) (void)watched.world.probe();
  (void)watched.told();
  watched.world.erase("/var/lib/hostspin/manifest.note");
  (void)watched.world.probe();
  CHECK(watched.told() == Told{"address_down-"});
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

TEST_CASE("thousands of checks are remembered from round to round", "[record]") {
  Watched watched;
  ManifestText manifest = watched.world.manifest(6);
  manifest.services.clear();
  for (int service = 0; service < 24; ++service) {
    std::vector<std::string> addresses;
    std::string checks;
    for (int i = 1; i <= 16; ++i) {
      addresses.push_back("10.1." + std::to_string(service) + "." + std::to_string(i));
      checks += (i == 1 ? "" : ", ") + std::string("{ tcp = ") + std::to_string(i) + " }";
    }
    manifest.services.push_back({"s" + std::to_string(service) + ".svc.example.com",
                                 addresses,
                                 {},
                                 "check = [" + checks + "]\n"});
    for (const std::string& address : addresses) {
      watched.world.net.set_verdict(address, Verdict::refused);
    }
  }
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(manifest));
  (void)watched.world.refresh();
  for (int i = 0; i < 3; ++i) (void)watched.world.probe();
  CHECK(watched.world.read("/run/hostspin/probes").size() > kRunFileBytesMax);
  CHECK(watched.metric("hostspin_alarms{alarm=\"address_down\"}") == std::to_string(kAlarmsMax));
}
