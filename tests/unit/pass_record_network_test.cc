// What refreshes and rounds of probes leave for people and machines that watch.

#include "pass_record.h"
#include "run_files.h"
#include "watched.h"

using namespace hostspin;
using namespace hostspin::testing;

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
  next.extra = "rollout = 1440\n";
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(next));
  CHECK(watched.world.refresh() == ExitCode::ok);
  CHECK(watched.hint("adopt_in_s") > 0);
  CHECK(watched.told() == Told{"manifest_scheduled"});
  (void)watched.world.refresh();
  CHECK(watched.told().empty());
  watched.world.options.for_agent = false;
  (void)watched.world.status();
  CHECK(watched.world.out().find("scheduled       manifest 6 for 2150-02-10T") !=
        std::string::npos);
}

TEST_CASE("a source that flaps ends no wait, and waiting is no staleness", "[record]") {
  Watched watched;
  ManifestText next = watched.world.manifest(6);
  next.issued = "2150-02-10T00:00:00Z";
  next.extra = "rollout = 1440\n";
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

TEST_CASE("an adoption is booked and told while another source is slow", "[record]") {
  Watched watched;
  const std::string config = watched.world.read("/etc/hostspin/hostspin.toml");
  watched.world.write("/etc/hostspin/hostspin.toml",
                      config + "[[source]]\nurl = \"https://10.0.0.2/fleet\"\n");
  watched.world.net.answer_last("https://10.0.0.2/fleet/manifest.note");
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(watched.world.manifest(6)));
  watched.world.clock.set(at("2150-02-10T00:01:00Z"));
  (void)watched.told();
  Told meanwhile;
  std::string changed;
  std::string write;
  watched.world.net.before_last = [&] {
    if (!changed.empty()) return;
    meanwhile = watched.told();
    changed = watched.world.read("/run/hostspin/changed");
    write = watched.metric("hostspin_block_last_write_timestamp_seconds");
  };
  (void)watched.world.refresh();
  CHECK(meanwhile == Told{"manifest_adopted"});
  CHECK(changed == "version=6\n");
  CHECK(write == std::to_string(at("2150-02-10T00:01:00Z").time_since_epoch().count()));
  CHECK(watched.told() == Told{"source_failed"});
}

TEST_CASE("what is adopted and cannot be written is told as both", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(watched.world.manifest(6)));
  watched.world.net.answer_last(kManifestURL);
  // In the way of the temporary file, for root as well.
  watched.world.net.before_last = [&] {
    watched.world.write("/etc/hosts.hostspin.tmp/in-the-way", "");
  };
  (void)watched.world.refresh();
  CHECK(watched.told() == Told{"manifest_adopted", "block_not_written", "refresh_failed"});
  watched.world.erase("/etc/hosts.hostspin.tmp");
  CHECK(watched.world.apply() == ExitCode::ok);
  CHECK(watched.told() == Told{"block_not_written-"});
  CHECK(watched.world.read("/run/hostspin/changed") == "version=6\n");
}

TEST_CASE("a refresh by hand says nothing about the sources that it did not ask", "[record]") {
  Watched watched;
  watched.world.net.break_url(kManifestURL, "connection refused");
  (void)watched.world.refresh();
  (void)watched.told();
  const std::string before = watched.world.read("/var/lib/hostspin/status.json");
  const std::size_t at = before.find("\"sources\"");
  const std::string sources = before.substr(at, before.find(']', at) - at);
  REQUIRE(sources.find("\"failed\"") != std::string::npos);

  watched.world.write("/stick.note", watched.world.fleet.sign(watched.world.manifest(6)));
  CHECK(watched.world.refresh({false, watched.world.options.root + "/stick.note"}) == ExitCode::ok);
  CHECK(watched.told() == Told{"manifest_adopted", "refresh_failed-"});
  CHECK(watched.world.read("/var/lib/hostspin/status.json").find(sources) != std::string::npos);

  watched.world.write("/bad.note", "garbage");
  (void)watched.world.refresh({false, watched.world.options.root + "/bad.note"});
  CHECK(watched.told() == Told{"refresh_failed", "manifest_refused"});
  watched.world.net.mend_url(kManifestURL);
  watched.world.net.serve(kManifestURL, watched.world.read("/stick.note"));
  CHECK(watched.world.refresh() == ExitCode::ok);
  CHECK(watched.told() == Told{"source_failed-", "refresh_failed-", "manifest_refused-"});
}

TEST_CASE("a refresh by hand ends no wait but the one for what it adopts", "[record]") {
  Watched watched;
  ManifestText next = watched.world.manifest(6);
  next.issued = "2150-02-10T00:00:00Z";
  next.extra = "rollout = 1440\n";
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(next));
  CHECK(watched.world.refresh() == ExitCode::ok);
  const std::string turn = watched.metric("hostspin_manifest_adoption_timestamp_seconds");
  CHECK(turn != "(none)");
  watched.world.write("/old.note", watched.world.state().at("/manifest.note"));
  watched.world.write("/new.note", watched.world.fleet.sign(next));
  (void)watched.world.refresh({false, watched.world.options.root + "/old.note"});
  CHECK(watched.metric("hostspin_manifest_adoption_timestamp_seconds") == turn);
  (void)watched.world.refresh({true, watched.world.options.root + "/new.note"});
  CHECK(watched.metric("hostspin_manifest_adoption_timestamp_seconds") == "(none)");
}

TEST_CASE("a refused root is told with the reason's code", "[record]") {
  Watched watched;
  (void)watched.told();
  watched.world.net.serve(root_url(2), "garbage");
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

TEST_CASE("a round of probes that breaks off is one alarm, and books what it judged", "[record]") {
  Watched watched;
  ManifestText manifest = watched.world.manifest(6);
  manifest.services = {
      {"db.svc.example.com", {"10.1.2.3", "10.1.2.4"}, {}, "check = { tcp = 5432 }\n"}};
  watched.world.net.serve(kManifestURL, watched.world.fleet.sign(manifest));
  REQUIRE(watched.world.refresh() == ExitCode::ok);
  const auto up = [&](const std::string& address) {
    return watched.metric("hostspin_address_up{service=\"db.svc.example.com\",address=\"" +
                          address + "\",check=\"tcp:5432\"}");
  };
  const std::string last_round = "hostspin_probe_last_round_timestamp_seconds";
  (void)watched.world.probe();
  CHECK((up("10.1.2.3") == "1" && up("10.1.2.4") == "1"));
  (void)watched.told();

  watched.world.net.die_after(1);
  watched.world.net.set_verdict("10.1.2.3", Verdict::refused);
  CHECK(watched.world.probe() != ExitCode::ok);
  CHECK(watched.told() == Told{"probe_failed"});
  CHECK((up("10.1.2.3") == "0" && up("10.1.2.4") == "(none)"));
  (void)watched.world.probe();
  CHECK(watched.told().empty());  // it has not ended in between

  // A round that judged nothing leaves what the last one found.
  const std::string before = watched.metric(last_round);
  watched.world.clock.set(at("2150-02-10T00:01:00Z"));
  watched.world.net.die_after(0);
  CHECK(watched.world.probe() != ExitCode::ok);
  CHECK(watched.told().empty());
  CHECK((up("10.1.2.3") == "0" && watched.metric(last_round) == before));

  watched.world.net.live();
  (void)watched.world.probe();
  CHECK(watched.told() == Told{"probe_failed-", "address_down"});  // the third in a row
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
