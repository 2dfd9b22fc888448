// A thousand hosts and one manifest, without a thousand processes.

#include <algorithm>
#include <array>

#include "catch.h"
#include "hostspin/admission.h"
#include "signing.h"

using namespace hostspin;
using namespace hostspin::testing;
using std::chrono::seconds;
using std::chrono::sys_seconds;

namespace {

constexpr int kHosts = 1000;

std::string machine_id_of(int host) {
  return to_hex(sha256("host " + std::to_string(host))).substr(0, 32);
}

AdmittedManifest manifest(std::int64_t version, const std::string& issued,
                          const std::string& expires, const std::string& extra = "") {
  const TestFleet fleet;
  ManifestText text = fleet.manifest(version);
  text.issued = issued;
  text.expires = expires;
  text.extra = extra;
  return fleet.admit(text);
}

/// How many hosts have adopted `offer` at each moment, asking every minute.
std::vector<int> adopted_by_minute(const AdmittedManifest& held, const AdmittedManifest& offer,
                                   sys_seconds from, int minutes) {
  std::vector<int> counts;
  for (int minute = 0; minute <= minutes; ++minute) {
    const sys_seconds now = from + std::chrono::minutes(minute);
    int count = 0;
    for (int host = 0; host < kHosts; ++host) {
      const Staging staging{machine_id_of(host), "", false};
      const Adoption adoption =
          value_of(judge_offer(offer, Held{&held, held.rank()}, staging, now));
      if (adoption == Adoption::adopt) ++count;
    }
    counts.push_back(count);
  }
  return counts;
}

}  // namespace

TEST_CASE("rollout: a thousand hosts adopt evenly over the window, and all within it", "[fleet]") {
  const AdmittedManifest held = manifest(1, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z");
  const AdmittedManifest offer =
      manifest(2, "2026-02-10T00:00:00Z", "2026-03-10T00:00:00Z", "rollout = 240\n");
  const std::vector<int> counts = adopted_by_minute(held, offer, offer.manifest().issued, 240);
  CHECK(counts.front() < 10);
  CHECK(counts.back() == kHosts);
  CHECK(std::is_sorted(counts.begin(), counts.end()));
  for (int quarter = 1; quarter < 4; ++quarter) {
    CAPTURE(quarter);
    const int expected = kHosts * quarter / 4;
    CHECK(std::abs(counts.at(static_cast<std::size_t>(60 * quarter)) - expected) < 50);
  }
  int most = 0;  // 4.2 a minute on average
  for (std::size_t i = 1; i < counts.size(); ++i) most = std::max(most, counts[i] - counts[i - 1]);
  CHECK(most < 16);
}

TEST_CASE("rollout: a fleet whose manifest has expired adopts at once", "[fleet]") {
  const AdmittedManifest held = manifest(1, "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
  const AdmittedManifest offer =
      manifest(2, "2026-02-10T00:00:00Z", "2026-03-10T00:00:00Z", "rollout = 240\n");
  CHECK(adopted_by_minute(held, offer, offer.manifest().issued, 0).front() == kHosts);
}
