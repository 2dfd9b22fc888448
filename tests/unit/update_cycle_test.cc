#include "app_world.h"
#include "catch.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

const std::string kManifestURL = std::string(kSourceURL) + "/manifest.note";

std::string root_url(int version) {
  return std::string(kSourceURL) + "/root/" + std::to_string(version) + ".note";
}

/// A world that has adopted manifest 5.
void adopt_five(AppWorld& world) {
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(5)));
  REQUIRE(world.refresh() == ExitCode::ok);
  world.forget_output();
}

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
  adopt_five(world);
  const std::string hosts = world.hosts();
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.hosts() == hosts);
  CHECK(world.out().starts_with("OK: manifest 5 is current"));
}

TEST_CASE("an older manifest is a rollback", "[refresh][attack]") {
  AppWorld world;
  adopt_five(world);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(4)));
  check_refused(world, "older");
}

TEST_CASE("the same version with another text is an equivocation", "[refresh][attack]") {
  AppWorld world;
  adopt_five(world);
  ManifestText other = world.manifest(5);
  other.services[0].addresses = {"10.6.6.6"};
  world.net.serve(kManifestURL, world.fleet.sign(other));
  check_refused(world, "another text");
}

TEST_CASE("a source that is down changes nothing", "[refresh]") {
  AppWorld world;
  adopt_five(world);
  world.net.break_url(kManifestURL, "refused");
  world.net.break_url(root_url(2), "refused");
  check_refused(world, "the test broke it");
}

TEST_CASE("a dead worker changes nothing", "[refresh]") {
  AppWorld world;
  adopt_five(world);
  world.net.die();
  check_refused(world, "the worker died");
}

TEST_CASE("no manifest is adopted while every source is silent about the next root",
          "[refresh][attack]") {
  AppWorld world;
  adopt_five(world);
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(6)));
  world.net.break_url(root_url(2), "tcp_timeout");
  check_refused(world, "the test broke it");
}

TEST_CASE("a chain of roots is followed before a manifest is adopted", "[refresh]") {
  AppWorld world;
  adopt_five(world);
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
  adopt_five(world);
  ManifestText manifest = world.manifest(6);
  manifest.min_root = 2;
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  check_refused(world, "root");
}

TEST_CASE("an expired intermediate root does not stop the chain", "[refresh]") {
  AppWorld world;
  adopt_five(world);
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
  adopt_five(world);
  world.clock.set(at("2151-06-01T00:00:00Z"));
  ManifestText manifest = world.manifest(6);
  manifest.issued = "2151-05-20T00:00:00Z";
  manifest.expires = "2151-07-01T00:00:00Z";
  world.net.serve(kManifestURL, world.fleet.sign(manifest));
  check_refused(world, "root 1 has expired");
}

TEST_CASE("an expired root with a fresh successor does not stop the chain", "[refresh]") {
  AppWorld world;
  adopt_five(world);
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
  adopt_five(world);
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
  adopt_five(world);
  world.write("/etc/hosts", "# BEGIN hostspin\n127.0.0.1 localhost\n");
  world.net.serve(kManifestURL, world.fleet.sign(world.manifest(6)));
  check_refused(world, "/etc/hosts");
}

TEST_CASE("held, state is updated and the file left alone", "[refresh]") {
  AppWorld world;
  adopt_five(world);
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
  adopt_five(world);
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
  adopt_five(world);
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

namespace {

/// A second text of root 2, which the same root keys have signed.
RootText other_root_two(const AppWorld& world) {
  RootText root = world.root(2);
  root.networks.push_back("192.0.2.0/24");
  return root;
}

/// What another process does while this cycle's source is slow to tell its root.
void store_meanwhile(AppWorld& world, int version, const std::string& note) {
  const std::string slow = root_url(version);
  world.net.answer_last(slow);
  world.net.before_last = [&world, version, note] {
    world.write("/var/lib/hostspin/root/" + std::to_string(version) + ".note", note);
  };
}

}  // namespace

TEST_CASE(
    "U4: a valid root that another process has stored is not replaced, and another text of it "
    "is equivocation",
    "[refresh][attack]") {
  AppWorld world;
  adopt_five(world);
  const std::string stored = world.fleet.sign(other_root_two(world));
  const std::string offered = world.fleet.sign(world.root(2));
  store_meanwhile(world, 2, stored);
  world.net.serve(root_url(2), offered);
  // Nothing else that is wrong with the source hides it.
  const bool has_bad_manifest = GENERATE(false, true);
  if (has_bad_manifest) world.net.serve(kManifestURL, "nonsense\n");
  CHECK(world.refresh() == (has_bad_manifest ? ExitCode::critical : ExitCode::attention));
  CHECK(world.state().at("/root/2.note") == stored);
  CHECK(world.err().find("two texts were signed") != std::string::npos);
  CHECK(world.read("/run/hostspin/alarms").find("\"equivocation\"") != std::string::npos);
}

TEST_CASE("U4: the same root by other signers, or a stored file that is none, is no equivocation",
          "[refresh]") {
  AppWorld world;
  adopt_five(world);
  const bool is_root = GENERATE(true, false);
  const RootText two = world.root(2);
  const Signers others = {world.fleet.root_signers[1], world.fleet.root_signers[2]};
  const std::string stored = is_root ? sign_note(two.text(), others) : "nonsense\n";
  store_meanwhile(world, 2, stored);
  world.net.serve(root_url(2), world.fleet.sign(two));
  CHECK(world.refresh() == ExitCode::ok);
  CHECK(world.state().at("/root/2.note") == (is_root ? stored : world.fleet.sign(two)));
  CHECK(world.err().find("two texts") == std::string::npos);
}

TEST_CASE(
    "U12: where another process has stored a later root, nothing is adopted before its "
    "successor was asked for",
    "[refresh][attack]") {
  // Root 2 revokes who signed manifest 6 alone. This cycle's source says that there is no root 2,
  // while another process, which had a better one, has stored it.
  AppWorld world;
  adopt_five(world);
  const Signers fresh{SigningKey("new/a"), SigningKey("new/b")};
  RootText two = world.root(2);
  two.manifest_keys = vkeys_of(fresh);
  store_meanwhile(world, 2, world.fleet.sign(two));  // the answer is: not found
  const bool has_good_one = GENERATE(true, false);
  const std::string revoked = world.fleet.sign(world.manifest(6));
  Signers all = world.fleet.manifest_signers;
  all.insert(all.end(), fresh.begin(), fresh.end());
  const std::string good = sign_note(world.manifest(6).text(), all);
  world.net.serve(kManifestURL, has_good_one ? good : revoked);
  const std::string hosts = world.hosts();
  const ExitCode code = world.refresh();
  if (has_good_one) {
    CHECK(code == ExitCode::ok);
    CHECK(world.state().at("/manifest.note") == good);
    CHECK(world.hosts().find("version=6 root=2 ") != std::string::npos);
  } else {
    CHECK(code == ExitCode::critical);
    CHECK(world.state().at("/manifest.note") != revoked);
    CHECK(world.hosts().find("version=6 ") == std::string::npos);
  }
  const std::vector<std::string>& asked = world.net.fetched();
  CHECK(std::find(asked.begin(), asked.end(), root_url(3)) != asked.end());
}

TEST_CASE("a manifest with a rollout is adopted at once by a host on rotated keys", "[refresh]") {
  AppWorld world;
  world.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
  adopt_five(world);
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
