// What passes tell of a root that has replaced what the held manifest stands on, and of a block
// that gave way to the seed.

#include <algorithm>

#include "watched.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

Signers fresh() { return {SigningKey("new/a"), SigningKey("new/b")}; }

bool is_told(const Told& told, const std::string& name) {
  return std::find(told.begin(), told.end(), name) != told.end();
}

/// Manifest 5 is held and its source still offers it; root 2, which has other manifest keys, is
/// adopted.
void rotate_keys(Watched& watched) {
  (void)watched.told();
  RootText next = watched.world.root(2);
  next.manifest_keys = vkeys_of(fresh());
  watched.world.net.serve(root_url(2), watched.world.fleet.sign(next));
  CHECK(watched.world.refresh() == ExitCode::critical);
}

constexpr const char* kRotated = "hostspin_status{state=\"rotated_keys\"}";
constexpr const char* kRotatedAlarm = "hostspin_alarms{alarm=\"rotated_keys\"}";

}  // namespace

TEST_CASE("a manifest that only an older root allows is a state and an alarm until it is replaced",
          "[record]") {
  Watched watched;
  CHECK(watched.metric(kRotated) == "0");
  rotate_keys(watched);
  CHECK(is_told(watched.told(), "rotated_keys"));
  const auto check = [&] {
    CHECK(watched.metric(kRotated) == "1");
    CHECK(watched.metric("hostspin_status{state=\"ok\"}") == "0");
    CHECK(watched.metric(kRotatedAlarm) == "1");
    CHECK(watched.world.read("/var/lib/hostspin/status.json").find("\"state\": \"rotated_keys\"") !=
          std::string::npos);
  };
  check();  // the cycle that brought the root says so, before any other pass
  CHECK(watched.world.apply() == ExitCode::attention);
  CHECK_FALSE(is_told(watched.told(), "rotated_keys"));  // once
  check();
  CHECK(watched.metric("hostspin_root_info{fleet=\"test.example\",version=\"2\"}") == "1");

  watched.world.net.serve(kManifestURL, sign_note(watched.world.manifest(6).text(), fresh()));
  CHECK(watched.world.refresh() == ExitCode::ok);
  CHECK(is_told(watched.told(), "rotated_keys-"));
  CHECK(watched.metric("hostspin_status{state=\"ok\"}") == "1");
  CHECK(watched.metric(kRotatedAlarm) == "0");
}

TEST_CASE("status and verify name rotated keys", "[record]") {
  Watched watched;
  rotate_keys(watched);
  watched.world.options.for_agent = false;
  VerifyOptions offline;
  offline.offline = true;

  watched.world.forget_output();
  CHECK(watched.world.status() == ExitCode::attention);
  CHECK(watched.world.out().find("(ROTATED KEYS)") != std::string::npos);
  CHECK(watched.world.out().find("alarm           rotated_keys, since ") != std::string::npos);
  CHECK(watched.world.err().find("rotated-keys: manifest 5 ") != std::string::npos);

  watched.world.forget_output();
  CHECK(watched.world.verify(offline) == ExitCode::attention);
  CHECK(watched.world.out().find("; keys ROTATED; ") != std::string::npos);
  CHECK(watched.world.out().find("rotated-keys: manifest 5 ") != std::string::npos);

  offline.format = VerifyFormat::junit;
  watched.world.forget_output();
  CHECK(watched.world.verify(offline) == ExitCode::attention);
  CHECK(watched.world.out().find("type=\"rotated_keys\"") != std::string::npos);
}

TEST_CASE("of a root that has expired and one that has other keys the former is the worse",
          "[record]") {
  Watched watched;
  rotate_keys(watched);
  watched.world.clock.set(at("2150-03-02T00:00:00Z"));
  (void)watched.world.apply();
  CHECK(watched.metric(kRotated) == "1");  // and worse than a manifest that has expired
  CHECK(watched.metric("hostspin_alarms{alarm=\"manifest_expired\"}") == "1");
  watched.world.clock.set(at("2151-01-02T00:00:00Z"));
  (void)watched.world.apply();
  CHECK(watched.metric("hostspin_status{state=\"root_expired\"}") == "1");
  CHECK(watched.metric(kRotatedAlarm) == "1");
}

TEST_CASE("a newer block that gives way to the seed is told once", "[record][attack]") {
  Watched watched;
  watched.world.write("/etc/hostspin/manifest.note",
                      watched.world.fleet.sign(watched.world.manifest(2)));
  watched.world.erase("/var/lib/hostspin");
  watched.world.write("/etc/hosts", with(watched.good, "10.1.2.3\t", "192.0.2.66\t"));
  (void)watched.told();

  // Nothing is replaced while the file is held.
  watched.world.write("/etc/hostspin/hold", "INC-17");
  (void)watched.world.apply();
  CHECK_FALSE(is_told(watched.told(), "newer_block_replaced"));
  watched.world.erase("/etc/hostspin/hold");

  (void)watched.world.apply();
  const std::string out = watched.world.out();
  CHECK(out.find("HOSTSPIN_PATH=/etc/hosts\tHOSTSPIN_EPOCH=1\tHOSTSPIN_VERSION=5") !=
        std::string::npos);
  CHECK(is_told(watched.told(), "newer_block_replaced"));
  CHECK(watched.world.hosts().find("version=2 ") != std::string::npos);
  (void)watched.world.apply();
  CHECK_FALSE(is_told(watched.told(), "newer_block_replaced"));
}
