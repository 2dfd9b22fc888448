// U4 and U12: what another process does while a cycle is under way.
#include "app_world.h"
#include "catch.h"

using namespace hostspin;
using namespace hostspin::testing;

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
  adopt(world, 5);
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
  adopt(world, 5);
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
  adopt(world, 5);
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
