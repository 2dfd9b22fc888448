#include "app_world.h"
#include "catch.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

/// Nothing changed, and one error with one hint said why.
void check_refused(AppWorld& world, const std::string& said) {
  const std::string hosts = world.hosts();
  const auto state = world.state();
  CHECK(world.refresh() == ExitCode::critical);
  CHECK(world.hosts() == hosts);
  CHECK(world.state() == state);
  const std::string err = world.err();
  CAPTURE(err);
  CHECK(err.find(said) != std::string::npos);
  CHECK(err.find("hostspin: error: ") != std::string::npos);
  CHECK(err.find("hostspin: error: ") == err.rfind("hostspin: error: "));
  CHECK(err.find("hostspin: hint: ") != std::string::npos);
}

}  // namespace

TEST_CASE("refresh adopts, stores and writes what the fleet signed", "[refresh]") {
  AppWorld world;
  const std::string note = world.fleet.sign(world.manifest(5));
  world.net.serve(kManifestURL, note);
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.state().at("/manifest.note") == note);
  CHECK(world.hosts().find("10.1.2.3\tdb.svc.example.com\n") != std::string::npos);
  CHECK(world.out().starts_with("OK: adopted manifest 5"));
}

TEST_CASE("a refresh with nothing new confirms and writes nothing", "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  const std::string hosts = world.hosts();
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.hosts() == hosts);
  CHECK(world.out().starts_with("OK: manifest 5 is current"));
}

TEST_CASE("an older manifest is a rollback", "[refresh][attack]") {
  AppWorld world;
  adopt(world, 5);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(4)));
  check_refused(world, "older");
}

TEST_CASE("the same version with another text is an equivocation", "[refresh][attack]") {
  AppWorld world;
  adopt(world, 5);
  ManifestText other = world.manifest(5);
  other.services[0].addresses = {"10.6.6.6"};
  world.net.serve(kManifestURL, world.fleet.sign(other));
  check_refused(world, "another text");
}

TEST_CASE("a source that is down changes nothing", "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  world.net.break_url(kManifestURL, "refused");
  world.net.break_url(root_url(2), "refused");
  check_refused(world, "the test broke it");
}

TEST_CASE("a dead worker changes nothing", "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  world.net.die();
  check_refused(world, "the worker died");
}

TEST_CASE("no manifest is adopted while every source is silent about the next root",
          "[refresh][attack]") {
  AppWorld world;
  adopt(world, 5);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(6)));
  world.net.break_url(root_url(2), "tcp_timeout");
  check_refused(world, "the test broke it");
}

TEST_CASE("a chain of roots is followed before a manifest is adopted", "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  for (int version = 2; version <= 4; ++version) {
    world.net.serve(root_url(version), world.fleet.sign(world.root(version)));
  }
  ManifestText manifest = world.manifest(6);
  manifest.min_root = 4;
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.state().contains("/root/4.note"));
  CHECK(world.state().at("/manifest.note") == world.fleet.sign(manifest));
}

TEST_CASE("200 rotations are followed in one cycle", "[refresh]") {
  AppWorld world;
  for (int version = 2; version <= 201; ++version) {
    world.net.serve(root_url(version), world.fleet.sign(world.root(version)));
  }
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(1)));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.state().contains("/root/201.note"));
  CHECK(world.refresh() == ExitCode::ok);  // and the whole chain is replayed
}

TEST_CASE("a withheld root is reported, and the manifest that needs it is not adopted",
          "[refresh][attack]") {
  AppWorld world;
  adopt(world, 5);
  ManifestText manifest = world.manifest(6);
  manifest.min_root = 2;
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  check_refused(world, "root");
}

TEST_CASE("an expired intermediate root does not stop the chain", "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  world.clock.set(at("2150-06-01T00:00:00Z"));
  RootText lapsed = world.root(2);
  lapsed.issued = "2150-01-02T00:00:00Z";
  lapsed.expires = "2150-03-01T00:00:00Z";
  RootText fresh = world.root(3);
  fresh.issued = "2150-05-01T00:00:00Z";
  fresh.expires = "2151-05-01T00:00:00Z";
  world.net.serve(root_url(2), world.fleet.sign(lapsed));
  world.net.serve(root_url(3), world.fleet.sign(fresh));
  ManifestText manifest = world.manifest(6);
  manifest.issued = "2150-05-20T00:00:00Z";
  manifest.expires = "2150-07-01T00:00:00Z";
  manifest.min_root = 3;
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.state().contains("/root/2.note"));
  CHECK(world.state().at("/manifest.note") == world.fleet.sign(manifest));
}

TEST_CASE("an expired final root adopts nothing", "[refresh][attack]") {
  AppWorld world;
  adopt(world, 5);
  world.clock.set(at("2151-06-01T00:00:00Z"));
  ManifestText manifest = world.manifest(6);
  manifest.issued = "2151-05-20T00:00:00Z";
  manifest.expires = "2151-07-01T00:00:00Z";
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  check_refused(world, "root 1 has expired");
}

TEST_CASE("an expired root with a fresh successor does not stop the chain", "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  world.clock.set(at("2151-06-01T00:00:00Z"));
  RootText root = world.root(2);
  root.issued = "2151-05-01T00:00:00Z";
  root.expires = "2152-05-01T00:00:00Z";
  world.net.serve(root_url(2), world.fleet.sign(root));
  ManifestText manifest = world.manifest(6);
  manifest.issued = "2151-05-20T00:00:00Z";
  manifest.expires = "2151-07-01T00:00:00Z";
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.state().at("/manifest.note") == world.fleet.sign(manifest));
}

TEST_CASE("a garbage source beside a good one costs a warning, not the adoption",
          "[refresh][attack]") {
  AppWorld world;
  world.write("/etc/hostspin/conf.d/second.toml", "[[source]]\nurl = \"http://10.0.0.2/m\"\n");
  world.net.serve("http://10.0.0.2/m/manifest.note", "garbage");
  world.net.serve("http://10.0.0.2/m/root/2.note", "garbage");
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(5)));
  CHECK(world.refresh() == ExitCode::attention);
  CHECK(world.out().starts_with("WARNING: adopted manifest 5"));
  CHECK(world.hosts().find("db.svc.example.com") != std::string::npos);
}

TEST_CASE("of two good offers the higher one is held in the end, whichever comes first",
          "[refresh]") {
  const bool higher_last = GENERATE(false, true);
  AppWorld world;
  world.write("/etc/hostspin/conf.d/second.toml", "[[source]]\nurl = \"http://10.0.0.2/m\"\n");
  const std::string higher = world.fleet.sign(world.manifest(9));
  world.net.serve("http://10.0.0.2/m/manifest.note", higher);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(8)));
  world.net.answer_last(higher_last ? "http://10.0.0.2/m/manifest.note" : kManifestURL);
  CHECK(world.refresh() == ExitCode::attention);  // the other source lags behind
  CHECK(world.state().at("/manifest.note") == higher);
}

TEST_CASE("a root that arrives after the manifest judges it again", "[refresh]") {
  AppWorld world;
  world.net.serve(root_url(2), world.fleet.sign(world.root(2)));
  world.net.answer_last(root_url(2));
  ManifestText manifest = world.manifest(3);
  manifest.min_root = 2;
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.state().at("/manifest.note") == world.fleet.sign(manifest));
}

TEST_CASE("a service that is down after an adoption is told and nothing is undone", "[refresh]") {
  AppWorld world;
  ManifestText manifest = world.manifest(5);
  manifest.services[0].extra = "check = { tcp = 5432 }\n";
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  world.net.set_verdict("10.1.2.3", Verdict::refused);
  CHECK(world.refresh() == ExitCode::attention);
  CHECK(world.hosts().find("10.1.2.3\tdb.svc.example.com\n") != std::string::npos);
  CHECK(world.err().find("refused") != std::string::npos);
}

TEST_CASE("waiting for its turn within a rollout, a host keeps what it holds; --now does not wait",
          "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  ManifestText manifest = world.manifest(6);
  manifest.issued = "2150-02-10T00:00:00Z";
  manifest.extra = "rollout = 1440\n";
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  const std::string hosts = world.hosts();
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.hosts() == hosts);
  CHECK(world.out().find("manifest 6 is scheduled for 2150-02-10T") != std::string::npos);
  CHECK(world.refresh({true, ""}) == ExitCode::ok);
  CHECK(world.state().at("/manifest.note") == world.fleet.sign(manifest));
}

TEST_CASE("damaged markers stop a refresh before state is touched", "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  world.write("/etc/hosts", "# BEGIN hostspin\n127.0.0.1 localhost\n");
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(6)));
  check_refused(world, "/etc/hosts");
}

TEST_CASE("held, state is updated and the file left alone", "[refresh]") {
  AppWorld world;
  adopt(world, 5);
  world.write("/etc/hostspin/hold", "maintenance");
  const std::string hosts = world.hosts();
  const std::string note = world.fleet.sign(world.manifest(6));
  world.net.serve(kManifestURL, note);
  CHECK(world.refresh() == ExitCode::attention);
  CHECK(world.hosts() == hosts);
  CHECK(world.state().at("/manifest.note") == note);
}

TEST_CASE("a directory or a file by hand (--from) meets the same checks", "[refresh]") {
  AppWorld world;
  const std::string note = world.fleet.sign(world.manifest(7));
  world.write("/published/manifest.note", note);
  world.write("/bad.note", world.fleet.sign(world.manifest(8)) + "x");
  const std::string base = world.options.root;
  CHECK(world.refresh({false, base + "/bad.note"}) == ExitCode::critical);
  CHECK(world.refresh({false, base + "/published"}) == ExitCode::ok);
  CHECK(world.state().at("/manifest.note") == note);
  CHECK(world.refresh({false, base + "/published/manifest.note"}) == ExitCode::ok);
  CHECK(world.net.fetched().empty());
}

TEST_CASE("without a source refresh cannot judge", "[refresh]") {
  AppWorld world;
  world.write("/etc/hostspin/hostspin.toml", "");
  CHECK(world.refresh() == ExitCode::unknown);
}

TEST_CASE("what was confirmed under the old root counts no more when the new chain has no end",
          "[refresh][attack]") {
  AppWorld world;
  adopt(world, 5);
  world.write("/etc/hostspin/conf.d/second.toml", "[[source]]\nurl = \"http://10.0.0.2/m\"\n");
  // The first source confirms manifest 5 and says there is no root 2; the second then gives root 2,
  // and nobody says whether there is a root 3.
  world.net.serve("http://10.0.0.2/m/root/2.note", world.fleet.sign(world.root(2)));
  world.net.answer_last("http://10.0.0.2/m/root/2.note");
  world.net.serve("http://10.0.0.2/m/manifest.note", world.fleet.sign(world.manifest(6)));
  world.net.answer_last("http://10.0.0.2/m/manifest.note");
  world.net.break_url("http://10.0.0.2/m/root/3.note", "tcp_timeout");
  world.net.break_url(root_url(3), "tcp_timeout");
  const std::string hosts = world.hosts();
  CHECK(world.refresh() == ExitCode::critical);
  CHECK(world.hosts() == hosts);
  CHECK(world.state().contains("/root/2.note"));
}

TEST_CASE("a manifest whose block would be too large is refused before it is stored",
          "[refresh][attack]") {
  AppWorld world;
  adopt(world, 5);
  ManifestText manifest = world.manifest(6);
  const std::string label(60, 'a');
  manifest.services[0].addresses.clear();
  for (int i = 1; i <= 16; ++i) {
    manifest.services[0].addresses.push_back("10.1.1." + std::to_string(i));
  }
  for (int i = 10; i < 40; ++i) {
    manifest.services[0].aliases.push_back(std::to_string(i) + "." + label + "." + label + "." +
                                           label + ".svc.example.com");
  }
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  check_refused(world, "bytes");
}

TEST_CASE("a source whose CA file is missing ends no cycle", "[refresh]") {
  AppWorld world;
  const std::string second = "[[source]]\nurl = \"https://10.0.0.2/m\"\nca = \"/no/ca.pem\"\n";
  SECTION("beside a good one, which is asked") {
    world.write("/etc/hostspin/conf.d/second.toml", second);
    world.net.serve(kManifestURL, world.fleet.sign(world.manifest(5)));
    CHECK(world.refresh() == ExitCode::attention);
    CHECK(world.out().starts_with("WARNING: adopted manifest 5"));
    CHECK(world.err().find("/no/ca.pem: there is no such file") != std::string::npos);
  }
  SECTION("beside a directory") {
    world.write("/published/manifest.note", world.fleet.sign(world.manifest(5)));
    world.write("/etc/hostspin/hostspin.toml",
                "[[source]]\nurl = \"file://" + world.options.root + "/published\"\n" + second);
    CHECK(world.refresh() == ExitCode::attention);
    CHECK(world.out().starts_with("WARNING: adopted manifest 5"));
    CHECK(world.net.fetched().empty());
  }
  SECTION("alone it is a mistake in the configuration") {
    world.write("/etc/hostspin/hostspin.toml", second);
    CHECK(world.refresh() == ExitCode::unknown);
    CHECK(world.err().find("/no/ca.pem: there is no such file") != std::string::npos);
  }
}

TEST_CASE("a worker that cannot be started fails what it would have fetched, and no directory",
          "[refresh]") {
  AppWorld world;
  world.net.refuse_to_start();
  world.write("/published/manifest.note", world.fleet.sign(world.manifest(5)));
  world.write("/etc/hostspin/conf.d/second.toml",
              "[[source]]\nurl = \"file://" + world.options.root + "/published\"\n");
  CHECK(world.refresh() == ExitCode::attention);
  CHECK(world.out().starts_with("WARNING: adopted manifest 5"));
  CHECK(world.err().find("there is no worker") != std::string::npos);
}

TEST_CASE("a manifest with a rollout is adopted at once by a host on rotated keys", "[refresh]") {
  AppWorld world;
  world.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  adopt(world, 5);
  const Signers fresh{SigningKey("new/a"), SigningKey("new/b")};
  RootText two = world.root(2);
  two.manifest_keys = vkeys_of(fresh);
  world.net.serve(root_url(2), world.fleet.sign(two));
  ManifestText six = world.manifest(6);
  six.issued = "2150-02-10T00:00:00Z";
  six.extra = "rollout = 1440\n";
  world.net.serve(kManifestURL, sign_note(six.text(), fresh));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.hosts().find("version=6 root=2 ") != std::string::npos);
}
