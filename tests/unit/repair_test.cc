#include "catch.h"
#include "hosts_sample.h"
#include "hostspin/hosts_file.h"

using namespace hostspin;

TEST_CASE("a file with sound markers needs no repair", "[repair]") {
  for (const std::string& bytes :
       {std::string(kSampleHosts), make_block(sample_pins()) + std::string(kSampleHosts),
        std::string()}) {
    const RepairPlan plan = plan_repair(bytes, sample_pins());
    CHECK(plan.after == bytes);
    CHECK(plan.explanation.empty());
  }
}

TEST_CASE("repair takes no line that is not provably ours", "[repair]") {
  const std::string begin = "# BEGIN hostspin fleet=prod.example\n";
  const std::string ours = "10.1.2.3\tdb.svc.example.com\n";
  const std::string theirs = "10.0.0.9\tadmin.example\n";

  SECTION("beside a lone BEGIN, known pins go and the rest stays, said to be in doubt") {
    const RepairPlan plan =
        plan_repair(begin + ours + theirs + "127.0.0.1\tlocalhost\n", sample_pins());
    CHECK(plan.after == theirs + "127.0.0.1\tlocalhost\n");
    REQUIRE(plan.explanation.size() == 3);
    CHECK(plan.explanation[0] == "line 1 goes: '# BEGIN hostspin fleet=prod.example'");
    CHECK(plan.explanation[1] == "line 2 goes: '10.1.2.3\\x09db.svc.example.com'");
    CHECK(plan.explanation[2] ==
          "line 3 stays, though it may be ours: '10.0.0.9\\x09admin.example'");
  }
  SECTION("without known pins nothing but the marker goes") {
    CHECK(plan_repair(begin + ours + theirs).after == ours + theirs);
  }
  SECTION("a known pin far from any marker is an administrator's own") {
    const std::string far = "127.0.0.1\tlocalhost\n" + ours;
    CHECK(plan_repair(begin + far, sample_pins()).after == far);
    CHECK(plan_repair(ours + "127.0.0.1\tlocalhost\n# END hostspin\n", sample_pins()).after ==
          ours + "127.0.0.1\tlocalhost\n");
  }
  SECTION("blanks instead of the tab are not exactly ours") {
    const std::string blanks = "10.1.2.3 db.svc.example.com\n";
    CHECK(plan_repair(begin + blanks, sample_pins()).after == blanks);
  }
  SECTION("what two markers enclose goes if it is one address and one name") {
    const std::string kept = "# note\n10.0.0.1 two names\n\nrubbish\n10.0.0.1\n";
    CHECK(plan_repair(begin + begin + theirs + "10.0.0.2 other # x\n" + kept + "# END hostspin\n")
              .after == kept);
  }
}

TEST_CASE("repair explains a bounded number of lines", "[repair]") {
  std::string bytes = "# BEGIN hostspin\n# BEGIN hostspin\n";
  for (int i = 0; i < 5000; ++i) bytes += "10.1.2.3\ta.example\n";
  bytes += "# END hostspin\n";
  const RepairPlan plan = plan_repair(bytes);
  CHECK(plan.after.empty());
  CHECK(plan.explanation.size() == 2001);
  CHECK(plan.explanation.back() == "and 3003 more lines like these");
}
