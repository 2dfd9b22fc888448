#include "probe_book.h"

#include "catch.h"
#include "signing.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

/// A round in which every check of the sample manifest had this verdict.
ProbeReport round_of(Verdict verdict) {
  const TestFleet fleet;
  ManifestText text = fleet.manifest(1);
  text.services = {{"db.svc.example.com", {"10.1.2.3"}, {}, "check = { tcp = 5432 }\n"}};
  const Manifest manifest = value_of(parse_manifest_draft(text.text(), UnknownKeys::refuse));
  std::vector<AddressReport> checks = plan_probes(manifest, {}).checks;
  for (AddressReport& check : checks) {
    check.result.verdict = verdict;
    check.result.elapsed = std::chrono::milliseconds(12);
  }
  return judge(manifest, std::move(checks));
}

struct Book {
  ProbeBook book;
  std::int64_t now = 1000;
  bool alarm_after(Verdict verdict) {
    book = ProbeBook::parse(book.format());  // each round is a process of its own
    book.note(round_of(verdict), now += 60);
    REQUIRE(book.checks().size() == 1);
    return book.checks()[0].alarming;
  }
};

}  // namespace

TEST_CASE("three failures in a row raise an alarm, two successes end it", "[probes]") {
  Book book;
  CHECK_FALSE(book.alarm_after(Verdict::refused));
  CHECK_FALSE(book.alarm_after(Verdict::tcp_timeout));
  CHECK(book.alarm_after(Verdict::refused));
  CHECK(book.alarm_after(Verdict::refused));
  CHECK(book.alarm_after(Verdict::ok));
  CHECK(book.alarm_after(Verdict::refused));
  CHECK(book.alarm_after(Verdict::ok));
  CHECK_FALSE(book.alarm_after(Verdict::ok));
}

TEST_CASE("a flapping address raises no alarm, but its last result is shown", "[probes]") {
  Book book;
  for (int i = 0; i < 10; ++i) {
    CHECK_FALSE(book.alarm_after(Verdict::refused));
    CHECK_FALSE(book.book.checks()[0].up);
    CHECK_FALSE(book.alarm_after(Verdict::refused));
    CHECK_FALSE(book.alarm_after(Verdict::ok));
    CHECK(book.book.checks()[0].up);
  }
}

TEST_CASE("an alarm of one check says nothing about another that differs in an option",
          "[probes]") {
  const TestFleet fleet;
  ManifestText text = fleet.manifest(1);
  text.services = {{"db.svc.example.com",
                    {"10.1.2.3"},
                    {},
                    "check = [{ http = 80 }, { http = 80, host = \"b.example\" }]\n"}};
  const Manifest manifest = value_of(parse_manifest_draft(text.text(), UnknownKeys::refuse));
  ProbeBook book;
  for (int round = 1; round <= kProbeFall; ++round) {
    std::vector<AddressReport> checks = plan_probes(manifest, {}).checks;
    REQUIRE(checks.size() == 2);
    checks[0].result.verdict = Verdict::ok;
    checks[1].result.verdict = Verdict::http_status;
    book = ProbeBook::parse(book.format());
    book.note(judge(manifest, std::move(checks)), 1000 + round);
  }
  REQUIRE(book.checks().size() == 2);
  CHECK(book.checks()[0].check == "http:80");
  CHECK_FALSE(book.checks()[0].alarming);
  CHECK(book.checks()[1].check == "http:80 host=b.example");
  CHECK(book.checks()[1].alarming);
}

TEST_CASE("what was not tried says nothing either way", "[probes]") {
  Book book;
  for (int i = 0; i < 3; ++i) (void)book.alarm_after(Verdict::refused);
  REQUIRE(book.book.checks()[0].alarming);
  for (int i = 0; i < 5; ++i) CHECK(book.alarm_after(Verdict::not_tried));
  CHECK_FALSE(book.book.checks()[0].tried);
}

TEST_CASE("a round is forgotten when it is old, and so is that one failed", "[probes]") {
  using std::chrono::seconds;
  Book book;
  (void)book.alarm_after(Verdict::refused);
  book.book.note_failure(book.now + 100);
  ProbeBook later = ProbeBook::parse(book.book.format());
  later.forget_old(book.now + 195, seconds(195));
  CHECK(later.checks().size() == 1);
  later.forget_old(book.now + 196, seconds(195));
  CHECK(later.checks().empty());
  CHECK(later.last_round() == 0);
  CHECK(later.last_attempt() == book.now + 100);
  later.forget_old(book.now + 300, seconds(195));
  CHECK(later.last_attempt() == 0);
}

TEST_CASE("checks that the manifest no longer has are forgotten", "[probes]") {
  Book book;
  (void)book.alarm_after(Verdict::ok);
  book.book.note(ProbeReport{}, 5000);
  CHECK(book.book.checks().empty());
  CHECK(book.book.last_round() == 5000);
}

TEST_CASE("the most checks with the longest words can be read back", "[probes]") {
  ProbeReport report = round_of(Verdict::http_status);
  AddressReport& check = report.checks[0];
  check.service = std::string(253, 's');
  check.check.kind = CheckKind::https;
  check.check.path = "/" + std::string(1023, 'p');
  check.result.detail = std::string(kProbeDetailBytesMax + 1, '"');
  for (std::size_t i = 1; i <= kProbedChecksMax; ++i) {
    report.checks.push_back(report.checks[0]);
    report.checks.back().service.replace(0, 5, std::to_string(10000 + i));
  }
  ProbeBook book;
  book.note(report, 1000);
  const std::string text = book.format();
  CHECK(text.size() < kProbeBookBytesMax);
  CHECK(ProbeBook::parse(text).checks().size() == kProbedChecksMax);
}
