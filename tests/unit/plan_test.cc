#include "catch.h"
#include "hosts_sample.h"
#include "hostspin/hosts_file.h"
#include "signing.h"

using namespace hostspin;
using hostspin::testing::value_of;

namespace {

Worked planned(std::string_view bytes, ConflictPolicy policy = ConflictPolicy::report) {
  Result<Plan> plan = plan_apply(bytes, make_block(sample_pins()), sample_pins(), policy);
  REQUIRE(plan);
  return Worked(std::move(*plan));
}

}  // namespace

TEST_CASE("the block goes to the top of a file without one", "[plan]") {
  const Worked plan = planned(kSampleHosts);
  CHECK(plan.changes);
  CHECK(plan.drift == Drift::missing);
  CHECK(plan.after == make_block(sample_pins()) + std::string(kSampleHosts));
}

TEST_CASE("a new file has a localhost line", "[plan]") {
  const Worked plan = planned(kNewHostsFile);
  CHECK_FALSE(plan.no_localhost);
  CHECK(plan.after == make_block(sample_pins()) + std::string(kNewHostsFile));
}

TEST_CASE("comment-out prefixes a line where it stands and says so", "[plan]") {
  const std::string bytes =
      "127.0.0.1 localhost\n\t10.9.9.9 db.svc.example.com other.example\n10.0.0.1 a.example\n";
  const Worked plan = planned(bytes, ConflictPolicy::comment_out);
  CHECK(plan.after == make_block(sample_pins()) +
                          "127.0.0.1 localhost\n#hostspin-conflict# \t10.9.9.9 db.svc.example.com "
                          "other.example\n10.0.0.1 a.example\n");
  REQUIRE(plan.conflicts.size() == 1);
  CHECK(plan.conflicts[0].commented_out);
  CHECK(plan.conflicts[0].line == 2);
  CHECK(plan.conflicts[0].other_names == std::vector<std::string>{"other.example"});
  CHECK(plan.conflict_lines == 1);

  // What has been commented out is no conflict any more.
  const Worked again = planned(plan.after, ConflictPolicy::comment_out);
  CHECK_FALSE(again.changes);
  CHECK(again.conflicts.empty());
  // The policy `report` keeps its hands off foreign lines, these too.
  CHECK_FALSE(planned(plan.after, ConflictPolicy::report).changes);
}

TEST_CASE("a line comes back once it gives none of our names", "[plan]") {
  const std::string bytes = "#hostspin-conflict# 10.0.0.1 gone.example\n127.0.0.1 localhost\n";
  const Worked plan = planned(bytes, ConflictPolicy::comment_out);
  CHECK(plan.after == make_block(sample_pins()) + "10.0.0.1 gone.example\n127.0.0.1 localhost\n");
  CHECK(plan.restored_lines == std::vector<std::size_t>{1});
  CHECK_FALSE(planned(make_block(sample_pins()) + bytes, ConflictPolicy::report).changes);
}

TEST_CASE("comment-out never hides a line by which the machine finds itself", "[plan]") {
  const std::set<HostName> own = {value_of(HostName::parse("web1")),
                                  value_of(HostName::parse("web1.corp.example"))};
  const std::string needed = GENERATE(
      "127.0.1.1 web1.corp.example web1 db.svc.example.com", "10.0.0.77 web1 db.svc.example.com",
      "10.0.0.77\tdb.svc.example.com\tWEB1", "fe80::1 db.svc.example.com web1.corp.example.",
      "127.0.0.1 localhost db.svc.example.com", "\t10.0.0.77 Web1.Corp.Example db.svc.example.com");
  CAPTURE(needed);
  const std::string others =
      "10.9.9.9 web10 db.svc.example.com\n10.9.9.9 web1.other.example "
      "db.svc.example.com\n";
  const auto plan = [&](const std::string& bytes) {
    return value_of(plan_apply(bytes, make_block(sample_pins()), sample_pins(),
                               ConflictPolicy::comment_out, own));
  };
  const std::string before = "127.0.0.1 localhost\n" + needed + "\n" + others;
  const Plan first = plan(before);
  const std::string after = first.after.str();
  CHECK(after == make_block(sample_pins()) + "127.0.0.1 localhost\n" + needed +
                     "\n#hostspin-conflict# 10.9.9.9 web10 db.svc.example.com\n"
                     "#hostspin-conflict# 10.9.9.9 web1.other.example db.svc.example.com\n");
  REQUIRE_FALSE(first.conflicts.empty());
  CHECK_FALSE(first.conflicts[0].commented_out);
  CHECK(describe_conflict(first.conflicts[0]).find("not commented out") != std::string::npos);
  CHECK_FALSE(plan(after).changes);

  // An earlier version hid it: it comes back.
  const std::string hidden = make_block(sample_pins()) + "127.0.0.1 localhost\n" +
                             std::string(kConflictPrefix) + needed + "\n";
  const Plan healed = plan(hidden);
  CHECK(healed.after.str() == make_block(sample_pins()) + "127.0.0.1 localhost\n" + needed + "\n");
  CHECK(healed.restored_lines.size() == 1);
}

TEST_CASE("a conflict prefix that somebody doubled is no reason to change the file twice",
          "[plan]") {
  const std::string prefix(kConflictPrefix);
  const std::string line =
      GENERATE("10.0.0.1 gone.example", "10.9.9.9 db.svc.example.com", "# a comment", "");
  const int layers = GENERATE(1, 2, 3, 7);
  CAPTURE(line, layers);
  std::string bytes = "127.0.0.1 localhost\n";
  for (int i = 0; i < layers; ++i) bytes += prefix;
  bytes += line + "\n";
  const Worked first = planned(bytes, ConflictPolicy::comment_out);
  const Worked second = planned(first.after, ConflictPolicy::comment_out);
  CHECK_FALSE(second.changes);
  CHECK(second.after == first.after);
  // In effect where it gives none of our names, hidden as it was where it does.
  const bool ours = line.find("db.svc") != std::string::npos;
  CHECK(first.after ==
        make_block(sample_pins()) + (ours ? bytes : "127.0.0.1 localhost\n" + line + "\n"));
}

TEST_CASE("remove restores what comment-out prefixed, and only at line starts", "[plan]") {
  const std::string bytes =
      make_block(sample_pins()) +
      "#hostspin-conflict# 10.0.0.1 a\n#hostspin-conflict# #hostspin-conflict# b\n"
      "# a #hostspin-conflict# c\n";
  const Result<Plan> plan = plan_remove(bytes);
  REQUIRE(plan);
  CHECK(plan->after == "10.0.0.1 a\nb\n# a #hostspin-conflict# c\n");
  CHECK(plan->restored_lines == std::vector<std::size_t>{6, 7});
}

TEST_CASE("a second remove finds nothing to do, however often a prefix was put before a line",
          "[plan]") {
  const std::string line =
      GENERATE("10.9.9.9 db.svc.example.com", "10.0.0.1 gone.example", "# a comment", "",
               "# BEGIN hostspin", "#hostspin-conflict#10.0.0.1 a");
  const int layers = GENERATE(1, 2, 3, 7);
  const std::string last = GENERATE("\n", "");
  CAPTURE(line, layers, last);
  std::string prefixed;
  for (int i = 0; i < layers; ++i) prefixed += kConflictPrefix;
  const std::string bytes = make_block(sample_pins()) + "127.0.0.1 localhost\n" + prefixed + line;
  const std::string before = bytes + last;  // which the plan views
  const Result<Plan> first = plan_remove(before);
  REQUIRE(first);
  const std::string after = first->after.str();
  // A marker was never hidden, so what stands before one is not ours.
  const bool is_marker = line == "# BEGIN hostspin";
  CHECK(after == "127.0.0.1 localhost\n" + (is_marker ? prefixed : "") + line + last);
  const Result<Plan> second = plan_remove(after);
  REQUIRE(second);
  CHECK_FALSE(second->changes);
  CHECK(second->after == after);
}

TEST_CASE("remove undoes what apply did, and only that, to a line that was a comment before",
          "[plan]") {
  const std::string bytes =
      "127.0.0.1 localhost\n10.9.9.9 db.svc.example.com\n# 10.9.9.9 db.svc.example.com\n"
      "#hostspin-conflict#10.9.9.9 db.svc.example.com\n";
  const Worked applied = planned(bytes, ConflictPolicy::comment_out);
  const Worked again = planned(applied.after, ConflictPolicy::comment_out);
  CHECK_FALSE(again.changes);  // it never doubles
  CHECK(value_of(plan_remove(applied.after)).after == bytes);
}

TEST_CASE("remove adds nothing: a file that lost its final newline keeps it lost", "[plan]") {
  const std::string bytes = make_block(sample_pins()) + "10.0.0.1 a";
  const Result<Plan> plan = plan_remove(bytes);
  REQUIRE(plan);
  CHECK(plan->after == "10.0.0.1 a");
  const Result<Plan> nothing = plan_remove("10.0.0.1 a");
  REQUIRE(nothing);
  CHECK_FALSE(nothing->changes);
  CHECK(nothing->after == "10.0.0.1 a");
}

TEST_CASE("a hidden line that would be a marker stays hidden", "[plan]") {
  const std::string bytes = "#hostspin-conflict# # BEGIN hostspin x\n127.0.0.1 localhost\n";
  const Worked plan = planned(bytes, ConflictPolicy::comment_out);
  CHECK(plan.after == make_block(sample_pins()) + bytes);
  const Result<Plan> removed = plan_remove(plan.after);
  REQUIRE(removed);
  CHECK(removed->after == bytes);
}

TEST_CASE("there is no end to conflicts, but to their list", "[plan]") {
  std::string bytes(kSampleHosts);
  for (int i = 0; i < 1500; ++i) bytes += "10.9.9.9 db.svc.example.com\n";
  const Worked plan = planned(bytes, ConflictPolicy::comment_out);
  CHECK(plan.conflicts.size() == kConflictsMax);
  CHECK(plan.conflict_lines == 1500);
  const Worked again = planned(plan.after, ConflictPolicy::comment_out);
  CHECK_FALSE(again.changes);
  CHECK(again.conflict_lines == 0);
}

TEST_CASE("edits of two writers are put together", "[merge]") {
  const std::string base = "1\n2\n3\n";
  SECTION("appends: mine, then theirs") {
    CHECK(merge_edits(base, base + "mine\n", base + "theirs\n") == base + "mine\ntheirs\n");
  }
  SECTION("different places, in either order") {
    CHECK(merge_edits(base, "0\n1\n2\n3\n", "1\n2\n3\n4\n") == "0\n1\n2\n3\n4\n");
    CHECK(merge_edits(base, "1\n2\n3\n4\n", "0\n1\n2\n3\n") == "0\n1\n2\n3\n4\n");
    CHECK(merge_edits(base, "1\n3\n", "1\n2\nthree\n") == "1\nthree\n");
  }
  SECTION("the same edit twice counts once") {
    CHECK(merge_edits(base, base + "x\n", base + "x\n") == base + "x\n");
  }
  SECTION("nothing changed on one side or both") {
    CHECK(merge_edits(base, base, base + "x\n") == base + "x\n");
    CHECK(merge_edits(base, base + "x\n", base) == base + "x\n");
    CHECK(merge_edits(base, base, base) == base);
  }
  SECTION("a rewrite and an append") {
    CHECK(merge_edits(base, "other\n", base + "x\n") == "other\nx\n");
    CHECK(merge_edits(base, "", base + "x\n") == "x\n");
  }
  SECTION("the same lines changed: not for a machine to decide") {
    CHECK_FALSE(merge_edits(base, "1\ntwo\n3\n", "1\nzwei\n3\n"));
    CHECK_FALSE(merge_edits(base, "1\n", "1\nzwei\n3\n"));
  }
  SECTION("no line runs into the next") {
    CHECK(merge_edits("1\n2", "1\n2\nmine", "0\n1\n2") == "0\n1\n2\nmine");
    CHECK(merge_edits("1\n", "1\nmine", "1\ntheirs") == "1\nmine\ntheirs");
  }
}

TEST_CASE("a left-over temporary file holds lost lines, or does not", "[merge]") {
  const std::string block = make_block(sample_pins());
  const std::string target = block + std::string(kSampleHosts);
  CHECK_FALSE(holds_lost_lines("", target));
  CHECK_FALSE(holds_lost_lines(kSampleHosts, target));
  CHECK_FALSE(holds_lost_lines(make_block(changed_pins()) + std::string(kSampleHosts), target));
  CHECK(holds_lost_lines(std::string(kSampleHosts) + "10.0.0.8 appended.example\n", target));
  CHECK(holds_lost_lines(std::string(kSampleHosts) + "10.0.0.8 appended.example", target));
  // A write that was cut short, at any byte.
  for (std::size_t size = 0; size <= target.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(holds_lost_lines(std::string_view(target).substr(0, size), target));
  }
  // Comment-out is no loss; the markers of a damaged file are no reason to throw anything away.
  CHECK_FALSE(holds_lost_lines("10.9.9.9 db\n", "#hostspin-conflict# 10.9.9.9 db\n"));
  CHECK(holds_lost_lines("# END hostspin\n10.0.0.8 x\n", target));
}
