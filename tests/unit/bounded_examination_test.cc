#include "bounded_examination.h"

#include <unistd.h>

#include <chrono>
#include <csignal>

#include "catch.h"

using namespace hostspin;
using namespace std::chrono_literals;

namespace {

const Finding kFine{"fine", Finding::Severity::ok, "all is well", ""};
const Finding kBad{"bad", Finding::Severity::critical, "it is not\nat all", "mend it"};

}  // namespace

TEST_CASE("an examination's findings come as they were made", "[doctor]") {
  const std::vector<Finding> found = examine_within(20s, [](const FindingSink& sink) {
    sink.at("/etc");
    sink.add(kFine);
    sink.add(kBad);
  });
  REQUIRE(found.size() == 2);
  CHECK(found[0].code == kFine.code);
  CHECK(found[1].severity == kBad.severity);
  CHECK(found[1].what == kBad.what);
  CHECK(found[1].remedy == kBad.remedy);
}

TEST_CASE("an examination that hangs is ended, and what was found until then is kept",
          "[doctor][attack]") {
  const auto before = std::chrono::steady_clock::now();
  const std::vector<Finding> found = examine_within(200ms, [](const FindingSink& sink) {
    sink.add(kBad);
    sink.at("/etc/slow\x1b[2J");
    for (;;) (void)pause();  // a mount that does not answer
  });
  CHECK(std::chrono::steady_clock::now() - before < 5s);
  REQUIRE(found.size() == 2);
  CHECK(found[0].code == "bad");
  CHECK(found[1].code == "not_checked");
  CHECK(found[1].severity == Finding::Severity::warning);
  CHECK_THAT(found[1].what,
             Catch::Contains("200 ms") && Catch::Contains("it was at '/etc/slow\\x1b[2J'"));
}

TEST_CASE("an examination that dies is said to have", "[doctor]") {
  const std::vector<Finding> found = examine_within(20s, [](const FindingSink& sink) {
    sink.add(kFine);
    (void)raise(SIGKILL);
  });
  REQUIRE(found.size() == 2);
  CHECK(found[1].code == "not_checked");
}
