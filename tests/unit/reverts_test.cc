#include "reverts.h"

#include "catch.h"

using namespace hostspin;

namespace {

constexpr std::int64_t kStart = 1'000'000;
constexpr std::int64_t kSecond = 1000;

/// A writer who comes as soon as the block is back; returns the moments at which it was put back.
std::vector<std::int64_t> fight(Reverts& reverts, std::int64_t from, std::int64_t until) {
  std::vector<std::int64_t> repairs;
  for (std::int64_t now = from; now < until; now += 100) {
    if (reverts.back_off(now).count() > 0) continue;
    reverts.note(now, "cloud-init");
    repairs.push_back(now);
  }
  return repairs;
}

}  // namespace

TEST_CASE("a few repairs are no fight", "[reverts]") {
  Reverts reverts;
  for (int i = 0; i < 4; ++i) reverts.note(kStart + i * kSecond, "unknown writer");
  CHECK_FALSE(reverts.is_fight());
  CHECK(reverts.back_off(kStart + 4 * kSecond).count() == 0);

  Reverts slow;  // one every 20 s for an hour: annoying, and no fight
  for (int i = 0; i < 180; ++i) slow.note(kStart + i * 20 * kSecond, "unknown writer");
  CHECK_FALSE(slow.is_fight());
}

TEST_CASE(
    "the fifth repair within a minute begins a fight, and the back-off doubles up to a minute",
    "[reverts]") {
  Reverts reverts;
  const auto repairs = fight(reverts, kStart, kStart + 600 * kSecond);
  REQUIRE(reverts.is_fight());
  CHECK(reverts.writer() == "cloud-init");
  // Five at once, then after 1, 2, 4, 8, 16, 32, 60, 60 … seconds.
  REQUIRE(repairs.size() >= 12);
  CHECK(repairs.size() < 22);
  for (std::size_t i = 0; i < 4; ++i) CHECK(repairs[i + 1] - repairs[i] == 100);
  std::int64_t wait = kSecond;
  for (std::size_t i = 4; i + 1 < repairs.size(); ++i) {
    CHECK(repairs[i + 1] - repairs[i] == wait);
    wait = std::min<std::int64_t>(2 * wait, kBackOffMost.count());
  }
}

TEST_CASE("a fight is over once the block has stayed for long enough", "[reverts]") {
  Reverts reverts;
  const auto repairs = fight(reverts, kStart, kStart + 10 * kSecond);
  REQUIRE(reverts.is_fight());
  reverts.settle(repairs.back() + 59 * kSecond);
  CHECK(reverts.is_fight());
  reverts.settle(repairs.back() + 61 * kSecond);
  CHECK_FALSE(reverts.is_fight());
  CHECK(reverts == Reverts());
  // The next repair is the first of a new count.
  reverts.note(repairs.back() + 62 * kSecond, "x");
  CHECK_FALSE(reverts.is_fight());
}

TEST_CASE("a writer who comes once in each back-off is still at it", "[reverts]") {
  Reverts reverts;
  (void)fight(reverts, kStart, kStart + 200 * kSecond);
  REQUIRE(reverts.back_off(kStart + 200 * kSecond) > std::chrono::seconds(10));
  const std::int64_t later = kStart + 200 * kSecond + 90 * kSecond;
  reverts.settle(later);
  CHECK(reverts.is_fight());
}

TEST_CASE("the file is shared: what one writes, another reads", "[reverts]") {
  Reverts reverts;
  (void)fight(reverts, kStart, kStart + 5 * kSecond);
  const std::int64_t now = kStart + 5 * kSecond;
  CHECK(Reverts::parse(reverts.format(), now) == reverts);
}

TEST_CASE("what is no such file, or another boot's, starts afresh", "[reverts]") {
  Reverts reverts;
  (void)fight(reverts, kStart, kStart + 5 * kSecond);
  CHECK(Reverts::parse("", kStart) == Reverts());
  CHECK(Reverts::parse("{}", kStart) == Reverts());
  CHECK(Reverts::parse("[1,2", kStart) == Reverts());
  CHECK(Reverts::parse(reverts.format(), kStart - 60 * kSecond) == Reverts());
}
