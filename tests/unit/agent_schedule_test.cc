#include "agent_schedule.h"

#include <algorithm>
#include <array>
#include <vector>

#include "agent_settings.h"
#include "catch.h"

using namespace hostspin;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr int kHosts = 1000;
constexpr milliseconds kInterval{300000};
constexpr milliseconds kSplay{60000};

}  // namespace

TEST_CASE("a fleet that is started at once does not ask at once", "[schedule]") {
  std::array<int, 60> first{};          // per second of the splay
  std::array<int, 366> in_ten_hours{};  // per second of a cycle's longest span
  for (int host = 0; host < kHosts; ++host) {
    RefreshSchedule schedule(static_cast<std::uint64_t>(host));
    milliseconds now = schedule.first(kSplay);
    REQUIRE(now < kSplay);
    ++first.at(static_cast<std::size_t>(now / seconds(1)));
    while (now < std::chrono::hours(10)) {
      const milliseconds wait = schedule.after_success(kInterval, kSplay);
      REQUIRE(wait >= kInterval);
      REQUIRE(wait < kInterval + kSplay);
      now += wait;
    }
    ++in_ten_hours.at(static_cast<std::size_t>((now - std::chrono::hours(10)) / seconds(1)));
  }
  // Evenly: 16.7 a second on average, and none has the double of it by much.
  CHECK(*std::max_element(first.begin(), first.end()) < 40);
  CHECK(*std::min_element(first.begin(), first.end()) > 3);
  // And the longer they run, the more they spread, over the whole interval: 2.8 a second.
  CHECK(*std::max_element(in_ten_hours.begin(), in_ten_hours.end()) < 14);
}

TEST_CASE("after a failure a fleet comes back spread out, later and later, within the interval",
          "[schedule]") {
  for (const int failures : {1, 2, 4, 20}) {
    CAPTURE(failures);
    std::vector<milliseconds> waits;
    for (int host = 0; host < kHosts; ++host) {
      RefreshSchedule schedule(static_cast<std::uint64_t>(host));
      milliseconds wait{0};
      for (int i = 0; i < failures; ++i) wait = schedule.after_failure(kInterval);
      waits.push_back(wait);
    }
    std::sort(waits.begin(), waits.end());
    const milliseconds most =
        std::min(kInterval, milliseconds(5000) * (1 << std::min(failures - 1, 10)));
    CHECK(waits.front() >= milliseconds(200));
    CHECK(waits.back() <= most + milliseconds(200));
    CHECK(waits[kHosts / 2] > most / 3);
    CHECK(waits[kHosts / 2] < most * 2 / 3);
  }
}

TEST_CASE("one success ends the memory of failures", "[schedule]") {
  RefreshSchedule schedule(7);
  for (int i = 0; i < 10; ++i) (void)schedule.after_failure(kInterval);
  (void)schedule.after_success(kInterval, kSplay);
  CHECK(schedule.after_failure(kInterval) <= milliseconds(5200));
}

TEST_CASE("without splay the interval is kept exactly", "[schedule]") {
  RefreshSchedule schedule(7);
  CHECK(schedule.first(milliseconds(0)).count() == 0);
  CHECK(schedule.after_success(kInterval, milliseconds(0)) == kInterval);
}

TEST_CASE("a failed pass is tried again soon, and ever more seldom where that does not help",
          "[schedule]") {
  RetryDelay retry;
  CHECK(retry.next() <= milliseconds(400));  // with two passes below a second
  milliseconds total{0};
  milliseconds last{0};
  for (int i = 0; i < 60; ++i) total += last = retry.next();
  CHECK(last == seconds(60));
  CHECK(total < std::chrono::minutes(20));
  retry.reset();
  CHECK(retry.next() <= milliseconds(1000));
}

TEST_CASE("a writer without end is looked at once a second", "[schedule]") {
  Debounce debounce;
  Debounce::Time now{std::chrono::hours(1)};
  int passes = 0;
  for (const auto end = now + seconds(60); now < end; ++passes) {
    now += debounce.wait(now);
    debounce.spend(now);
  }
  CHECK(passes > 55);  // never left alone
  CHECK(passes < 85);
  now += seconds(30);  // peace
  CHECK(debounce.wait(now) == milliseconds(100));
}

TEST_CASE("however often the file was written, the next look comes well within a second",
          "[schedule]") {
  Debounce debounce;
  Debounce::Time now{std::chrono::hours(1)};
  for (int passes = 0; passes < 100; ++passes) {
    const milliseconds wait = debounce.wait(now);
    CHECK(wait >= milliseconds(100));
    CHECK(wait <= milliseconds(750));
    now += wait;
    debounce.spend(now);
  }
  // And who comes when the next one is nearly due waits for that, and no longer.
  CHECK(debounce.wait(now + milliseconds(500)) <= milliseconds(250));
  CHECK(debounce.wait(now + milliseconds(749)) == milliseconds(100));
}

TEST_CASE("the supervisor takes exactly the settings that its child prints", "[agent]") {
  AgentSettings settings;
  settings.has_files = true;
  settings.refresh_interval = seconds(7);
  settings.probe_interval = milliseconds(0);
  settings.has_sources = true;
  settings.hosts_path = "/x/etc/hosts";
  settings.config_file = "/run/hostspin/config-b/hostspin.toml";
  const std::string text = format_settings(settings);
  Result<AgentSettings> read = parse_settings(text);
  REQUIRE(read);
  CHECK(*read == settings);
  settings.config_file.clear();
  read = parse_settings(format_settings(settings));
  REQUIRE(read);
  CHECK(*read == settings);
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    CHECK_FALSE(parse_settings(std::string_view(text).substr(0, cut)));
  }
  CHECK_FALSE(parse_settings(text + "x=1\n"));
  CHECK_FALSE(parse_settings(text + text));
}

TEST_CASE("what an agent leaves for status is read again", "[agent]") {
  const AgentPresence read = parse_presence(format_presence({42, 1790000000, 1790000060}));
  CHECK(read.pid == 42);
  CHECK(read.next_refresh == 1790000000);
  CHECK(read.next_probe == 1790000060);
  CHECK(parse_presence("").pid == 0);
  CHECK(parse_presence("pid=x\n").pid == 0);
}
