#include "alarms.h"

#include <array>

#include "catch.h"

using namespace hostspin;

namespace {

constexpr std::array kJudged{EventKind::source_failed, EventKind::refresh_failed};

Alarm source(const std::string& label, const std::string& detail = "timed out") {
  return {EventKind::source_failed, label, detail, {{"HOSTSPIN_SOURCE", label}}};
}

}  // namespace

TEST_CASE("an alarm is told once when it begins and once when it ends", "[alarms]") {
  AlarmBook book;
  std::vector<Event> events = book.judge(kJudged, {source("a"), source("b")}, 1000);
  REQUIRE(events.size() == 2);
  CHECK(events[0].message == "source_failed a: timed out");
  CHECK_FALSE(events[0].cleared);

  Alarm changed = source("b", "refused");
  changed.fields.emplace_back("HOSTSPIN_CODE", "bad_note");
  CHECK(book.judge(kJudged, {source("a"), changed}, 1010).empty());
  CHECK(book.standing().back().detail == "refused");  // the latest words, for status
  CHECK(book.standing().back().since == 1000);

  events = book.judge(kJudged, {source("b")}, 1090);
  REQUIRE(events.size() == 1);
  CHECK(events[0].cleared);
  CHECK(events[0].message == "source_failed a: over, after 1 min 30 s");
  CHECK(events[0].fields == JournalFields{{"HOSTSPIN_SOURCE", "a"}});

  events = book.judge(kJudged, {}, 1100);
  REQUIRE(events.size() == 1);
  CHECK(events[0].fields == JournalFields{{"HOSTSPIN_SOURCE", "b"}});  // as when it began
  CHECK(book.standing().empty());
}

TEST_CASE("an alarm that a pass does not judge stays", "[alarms]") {
  AlarmBook book;
  (void)book.judge(kJudged, {source("a")}, 1000);
  constexpr std::array other{EventKind::held};
  CHECK(book.judge(other, {}, 1010).empty());
  CHECK(book.standing().size() == 1);
}

TEST_CASE("alarms survive the process that raised them", "[alarms]") {
  AlarmBook book;
  (void)book.judge(kJudged, {source("a \"quoted\"")}, 1000);
  AlarmBook read = AlarmBook::parse(book.format());
  CHECK(read.judge(kJudged, {source("a \"quoted\"")}, 2000).empty());
  const std::vector<Event> events = read.judge(kJudged, {}, 2000);
  REQUIRE(events.size() == 1);
  CHECK(events[0].cleared);
  CHECK(AlarmBook::parse("{\"schema\": \"hostspin.alarms/1\", \"alarms\": [1, {}]}")
            .standing()
            .empty());
  CHECK(AlarmBook::parse("").standing().empty());
}

TEST_CASE("what was booked and not told is told by whoever comes next", "[alarms]") {
  AlarmBook book;
  (void)book.judge(kJudged, {source("a")}, 1000);
  AlarmBook read = AlarmBook::parse(book.format());  // the one before was killed
  REQUIRE(read.untold().size() == 1);
  CHECK(read.untold()[0].message == "source_failed a: timed out");
  CHECK(read.untold()[0].fields == JournalFields{{"HOSTSPIN_SOURCE", "a"}});
  CHECK(read.untold()[0].number == book.untold()[0].number);

  (void)read.judge(kJudged, {}, 1010);
  REQUIRE(read.untold().size() == 2);
  CHECK_FALSE(read.untold()[0].cleared);
  CHECK(read.untold()[1].cleared);
  CHECK(read.untold()[1].number > read.untold()[0].number);
  read.forget_untold(1);
  REQUIRE(read.untold().size() == 1);
  CHECK(read.untold()[0].cleared);
  read.forget_untold(1);
  AlarmBook third = AlarmBook::parse(read.format());
  CHECK(third.untold().empty());

  // Numbers go on, also where the book was lost.
  (void)third.judge(kJudged, {source("a")}, 1020);
  CHECK(third.untold()[0].number == book.untold()[0].number + 2);
  AlarmBook lost;
  (void)lost.judge(kJudged, {source("a")}, 1020);
  CHECK(lost.untold()[0].number > third.untold()[0].number);
}

TEST_CASE("what is never told is bounded, and the newest stays", "[alarms]") {
  AlarmBook book;
  for (std::size_t i = 0; i < kUntoldMax; ++i) {
    (void)book.judge(kJudged, {source("a")}, 1000);
    (void)book.judge(kJudged, {}, 1000);
  }
  CHECK(book.untold().size() == kUntoldMax);
  CHECK(book.untold().back().cleared);
  CHECK(AlarmBook::parse(book.format()).untold().size() == kUntoldMax);
}

TEST_CASE("a pass without news leaves the book as it was", "[alarms]") {
  AlarmBook book;
  const std::string empty = book.format();
  (void)book.judge(kJudged, {}, 1000);
  CHECK(book.format() == empty);
}

TEST_CASE("alarms without end are bounded", "[alarms]") {
  AlarmBook book;
  std::vector<Alarm> many;
  for (std::size_t i = 0; i < kAlarmsMax + 50; ++i) many.push_back(source(std::to_string(i)));
  CHECK(book.judge(kJudged, many, 1000).size() == kAlarmsMax);
  CHECK(book.judge(kJudged, many, 1001).empty());
}

TEST_CASE("a partition with every address down hides nothing else", "[alarms]") {
  constexpr std::array probes{EventKind::address_down};
  constexpr std::array fight{EventKind::writer_fight};
  AlarmBook book;
  std::vector<Alarm> many;
  for (std::size_t i = 0; i < kAlarmsMax; ++i) {
    many.push_back({EventKind::address_down, std::to_string(i), "tcp_timeout", {}});
  }
  (void)book.judge(probes, many, 1000);
  const std::vector<Event> events =
      book.judge(fight, {{EventKind::writer_fight, "", "cloud-init", {}}}, 1001);
  REQUIRE(events.size() == 1);
  CHECK(events[0].kind == EventKind::writer_fight);
  CHECK(AlarmBook::parse(book.format()).standing().size() == book.standing().size());
}
