#include "hostspin/hosts_file.h"

#include <fstream>
#include <map>
#include <sstream>

#include "catch.h"
#include "hosts_sample.h"
#include "signing.h"

using namespace hostspin;
using hostspin::testing::value_of;
using hostspin::testing::with;

namespace {

constexpr const char* kDirectory = HOSTSPIN_VECTORS "/hosts/";

std::string read_vector(const std::string& name) {
  std::ifstream file(kDirectory + name, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  REQUIRE(file);
  return bytes.str();
}

struct Expected {
  std::string file, outcome, drift, flags, conflicts, refusal;
  std::size_t head = 0, tail = 0;

  bool has(const std::string& flag) const {
    return ("," + flags + ",").find("," + flag + ",") != std::string::npos;
  }
};

std::vector<Expected> read_expected() {
  std::ifstream table(std::string(kDirectory) + "expected.tsv");
  std::vector<Expected> rows;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::vector<std::string> f;
    for (std::string field; std::getline(fields, field, '\t');) f.push_back(field);
    REQUIRE(f.size() == 8);
    rows.push_back({f[0], f[1], f[4], f[5], f[6], f[7], std::stoul(f[2]), std::stoul(f[3])});
  }
  REQUIRE(rows.size() >= 60);
  return rows;
}

/// As expected.tsv writes them.
std::string write_down(const std::vector<Conflict>& conflicts, const Plan& commented) {
  std::string text;
  for (const Conflict& c : conflicts) {
    bool commented_out = false;
    for (const Conflict& other : commented.conflicts)
      if (other.line == c.line && other.name == c.name && other.address == c.address)
        commented_out = other.commented_out;
    if (!text.empty()) text += ' ';
    text += std::to_string(c.line) + ":" + c.name + ":" + c.address + ":";
    if (c.same_address) text += 's';
    if (c.before_block) text += 'b';
    if (c.some_readers) text += 'r';
    if (c.other_family) text += 'f';
    if (!commented_out) text += 'd';
  }
  return text.empty() ? "-" : text;
}

Worked planned(std::string_view bytes, const std::vector<Pin>& pins, ConflictPolicy policy) {
  Result<Plan> plan = plan_apply(bytes, make_block(pins), pins, policy);
  REQUIRE(plan);
  return Worked(std::move(*plan));
}

Worked unplanned(std::string_view bytes) {
  Result<Plan> plan = plan_remove(bytes);
  REQUIRE(plan);
  return Worked(std::move(*plan));
}

}  // namespace

TEST_CASE("every byte outside the block survives apply, apply, change and remove", "[hosts]") {
  for (const Expected& row : read_expected()) {
    if (row.outcome == "refuse") continue;
    CAPTURE(row.file);
    const std::string bytes = read_vector(row.file);
    const std::string head = bytes.substr(0, row.head);
    const std::string tail = bytes.substr(bytes.size() - row.tail);
    const bool newline = row.has("newline");
    const std::string added = newline && !tail.empty() ? "\n" : "";

    const Worked first = planned(bytes, sample_pins(), ConflictPolicy::report);
    CHECK(first.after == head + make_block(sample_pins()) + tail + added);
    CHECK(first.changes == (first.after != bytes));
    CHECK(drift_name(first.drift) == row.drift);
    CHECK(first.layout_kept == (row.drift == "layout"));
    CHECK(first.added_final_newline == newline);
    CHECK(first.no_localhost == row.has("nolocalhost"));
    CHECK(gives_localhost(bytes) != row.has("nolocalhost"));
    CHECK(first.byte_order_mark == row.has("bom"));
    CHECK(first.foreign_long_lines.size() == (row.has("long") ? 1U : 0U));

    const Worked again = planned(first.after, sample_pins(), ConflictPolicy::report);
    CHECK_FALSE(again.changes);
    CHECK(again.after == first.after);
    CHECK(again.drift == Drift::none);

    const Worked changed = planned(first.after, changed_pins(), ConflictPolicy::report);
    CHECK(changed.changes);
    CHECK(changed.after == head + make_block(changed_pins()) + tail + added);

    const Worked removed = unplanned(changed.after);
    CHECK(removed.after == head + tail + added);
    CHECK(removed.changes);
    CHECK_FALSE(unplanned(removed.after).changes);
  }
}

TEST_CASE("conflicts are found, and comment-out is undone exactly", "[hosts]") {
  for (const Expected& row : read_expected()) {
    if (row.outcome == "refuse") continue;
    CAPTURE(row.file);
    const std::string bytes = read_vector(row.file);
    const std::string added = row.has("newline") && row.tail > 0 ? "\n" : "";
    const std::string foreign =
        bytes.substr(0, row.head) + bytes.substr(bytes.size() - row.tail) + added;

    const Worked plan = planned(bytes, sample_pins(), ConflictPolicy::comment_out);
    const Result<HostsFile> file = parse_hosts(bytes);
    REQUIRE(file);
    CHECK(file->bytes() == bytes);
    // What comment-out leaves alone is marked 'd'; what it takes away is not, and there is nothing
    // else.
    std::string found = write_down(find_conflicts(*file, sample_pins()), plan);
    CHECK(found == row.conflicts);

    const Worked again = planned(plan.after, sample_pins(), ConflictPolicy::comment_out);
    CHECK_FALSE(again.changes);
    for (const Conflict& conflict : again.conflicts) CHECK_FALSE(conflict.commented_out);
    CHECK(unplanned(plan.after).after == foreign);
    // Once the names are not ours any more, their lines come back.
    const std::vector<Pin> others{make_pin("10.1.2.9", "queue.svc.example.com")};
    const Worked moved = planned(plan.after, others, ConflictPolicy::comment_out);
    CHECK(unplanned(moved.after).after == foreign);
    CHECK(moved.after.find(kConflictPrefix) == std::string::npos);
  }
}

TEST_CASE("damaged markers are refused with their lines, and repaired", "[hosts]") {
  std::size_t refused = 0;
  for (const Expected& row : read_expected()) {
    if (row.outcome != "refuse") continue;
    ++refused;
    CAPTURE(row.file);
    const std::string bytes = read_vector(row.file);
    const Result<HostsFile> file = parse_hosts(bytes);
    REQUIRE_FALSE(file);
    CHECK(file.error().code == Errc::damaged_markers);
    CHECK_THAT(file.error().detail, Catch::Contains(row.refusal));
    CHECK_FALSE(
        plan_apply(bytes, make_block(sample_pins()), sample_pins(), ConflictPolicy::report));
    CHECK_FALSE(plan_remove(bytes));

    const RepairPlan repair = plan_repair(bytes, sample_pins());
    CHECK(repair.after == read_vector(row.file + ".repaired"));
    CHECK_FALSE(repair.explanation.empty());
    CHECK(parse_hosts(repair.after));
  }
  CHECK(refused >= 10);
}

TEST_CASE("a found block says what its header and lines say", "[hosts]") {
  const std::string bytes = "127.0.0.1 localhost\n" + make_block(sample_pins()) + "10.0.0.1 a\n";
  const Result<HostsFile> file = parse_hosts(bytes);
  REQUIRE(file);
  REQUIRE(file->block);
  CHECK(file->before == "127.0.0.1 localhost\n");
  CHECK(file->after == "10.0.0.1 a\n");
  CHECK(file->block->header.fleet == "prod.example");
  CHECK(file->block->header.epoch == 1);
  CHECK(file->block->header.version == 42);
  CHECK(file->block->header.sha256 == "0123456789abcdef");
  CHECK(file->block->first_line == 2);
  CHECK(file->block->last_line == 6);
  CHECK(file->block->pins == sample_pins());
  CHECK(file->block->foreign_lines == 0);
}

TEST_CASE("a header's malformed fields are empty, and none is believed beyond its form",
          "[hosts]") {
  const auto header_of = [](const std::string& fields) {
    const Result<HostsFile> file = parse_hosts("# BEGIN hostspin" + fields + "\n# END hostspin\n");
    REQUIRE(file);
    REQUIRE(file->block);
    return file->block->header;
  };
  CHECK(header_of("").fleet.empty());
  CHECK(header_of(" fleet=PROD").fleet.empty());
  CHECK(header_of(" fleet=a\x1b[31m").fleet.empty());
  CHECK(header_of(" fleet=" + std::string(65, 'a')).fleet.empty());
  CHECK(header_of("\tfleet=prod.example").fleet == "prod.example");
  CHECK_FALSE(header_of(" version=").version);
  CHECK_FALSE(header_of(" version=0").version);
  CHECK_FALSE(header_of(" version=1x").version);
  CHECK_FALSE(header_of(" version=99999999999999999999").version);
  CHECK(header_of(" version=9223372036854775807").version == 9223372036854775807);
  CHECK(header_of(" version=3 version=4").version == 3);
  CHECK_FALSE(header_of(" version=x version=4").version);
  CHECK(header_of(" sha256=0123456789ABCDEF").sha256.empty());
  CHECK(header_of(" sha256=0123").sha256.empty());
  CHECK(header_of(" root=3").root == 3);
  CHECK(header_of(" root=3 root=4").root == 3);
  CHECK_FALSE(header_of("").root);
  CHECK_FALSE(header_of(" root=0").root);
  CHECK_FALSE(header_of(" root=03").root);
  CHECK_FALSE(header_of(" root=x root=4").root);
}

TEST_CASE("the block is written exactly as documented", "[hosts]") {
  CHECK(make_block(sample_pins()) ==
        "# BEGIN hostspin fleet=prod.example epoch=1 version=42 sha256=0123456789abcdef - managed, "
        "see hostspin(8)\n"
        "10.1.2.3\tdb.svc.example.com\n"
        "2001:db8:10::3\tdb.svc.example.com\n"
        "10.1.2.3\tdb1.svc.example.com\n"
        "# END hostspin\n");
  CHECK(make_block({}).find("\n# END hostspin\n") != std::string::npos);
  CHECK(value_of(render_block_lines({"prod.example", 1, 42, "0123456789abcdef", 3}, {})) ==
        "# BEGIN hostspin fleet=prod.example epoch=1 version=42 root=3 sha256=0123456789abcdef - "
        "managed, see hostspin(8)\n"
        "# END hostspin\n");
}

TEST_CASE("a header of another root, or of none, is no drift, and is written anew once",
          "[hosts]") {
  const std::string file = make_block(sample_pins()) + "127.0.0.1 localhost\n";
  const BlockHeader header{"prod.example", 1, 42, "0123456789abcdef", 3};
  const std::string wanted = value_of(render_block_lines(header, sample_pins()));
  const std::string other =
      with(file, " sha256", GENERATE("", " root=2", " root=4") + std::string(" sha256"));
  const Plan plan = value_of(plan_apply(other, wanted, sample_pins(), ConflictPolicy::report));
  CHECK(plan.drift == Drift::none);
  CHECK(plan.changes);
  CHECK(plan.only_root_changes);
  CHECK(plan.is_right());
  const std::string after = plan.after.str();
  CHECK(after == wanted + "127.0.0.1 localhost\n");
  const Plan again = value_of(plan_apply(after, wanted, sample_pins(), ConflictPolicy::report));
  CHECK_FALSE(again.changes);
  CHECK_FALSE(again.only_root_changes);

  // What else is wrong is told as ever.
  const std::string altered = with(other, "10.1.2.3", "10.6.6.6");
  const Plan repair = value_of(plan_apply(altered, wanted, sample_pins(), ConflictPolicy::report));
  CHECK(repair.drift == Drift::content);
  CHECK_FALSE(repair.is_right());
  CHECK_FALSE(value_of(plan_apply(other.substr(0, other.size() - 1), wanted, sample_pins(),
                                  ConflictPolicy::report))
                  .is_right());
}

TEST_CASE("a block has its limits", "[hosts]") {
  const BlockHeader header{"prod.example", 1, 42, "0123456789abcdef"};
  std::vector<Pin> pins(kBlockLinesMax, make_pin("10.1.2.3", "a.example"));
  CHECK(render_block_lines(header, pins));
  pins.push_back(make_pin("10.1.2.3", "a.example"));
  const Result<std::string> lines = render_block_lines(header, pins);
  REQUIRE_FALSE(lines);
  CHECK(lines.error().code == Errc::block_too_large);

  const std::string label(60, 'x');
  const std::string name = label + "." + label + "." + label + "." + label;
  const std::vector<Pin> wide(400, make_pin("10.1.2.3", name));
  const Result<std::string> bytes = render_block_lines(header, wide);
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().code == Errc::block_too_large);

  CHECK_FALSE(render_block_lines({"bad fleet\n10.6.6.6 evil", 1, 42, "0123456789abcdef"}, {}));
  CHECK_FALSE(render_block_lines({"prod.example", 1, 42, "0123\n10.6.6.6 x"}, {}));
}

TEST_CASE("pins come in the manifest's order, the host's own names left out", "[hosts]") {
  Manifest manifest;
  const auto service = [](std::string_view name) {
    return Service{HostName::parse(name).value(), {}, {}, {}, ServiceKind::unspecified, {}, {}, {}};
  };
  Service db = service("db.example");
  db.aliases = {HostName::parse("z.example").value(), HostName::parse("a.example").value()};
  db.addresses = {IPAddress::parse("10.0.0.2").value(), IPAddress::parse("2001:db8::1").value(),
                  IPAddress::parse("10.0.0.1").value()};
  Service queue = service("b.example");
  queue.addresses = {IPAddress::parse("10.0.0.9").value()};
  manifest.services = {db, queue};

  std::string order;
  for (const Pin& pin : wanted_pins(manifest, {HostName::parse("z.example").value()}))
    order += pin.address.to_string() + " " + pin.name.text() + "\n";
  CHECK(order ==
        "10.0.0.2 db.example\n2001:db8::1 db.example\n10.0.0.1 db.example\n"
        "10.0.0.2 a.example\n2001:db8::1 a.example\n10.0.0.1 a.example\n"
        "10.0.0.9 b.example\n");
}

TEST_CASE("a conflict is explained: which address wins where", "[hosts]") {
  const auto explain = [](const std::string& bytes) {
    const Result<HostsFile> file = parse_hosts(bytes);
    REQUIRE(file);
    const std::vector<Conflict> conflicts = find_conflicts(*file, sample_pins());
    REQUIRE(conflicts.size() == 1);
    return describe_conflict(conflicts[0]);
  };
  const std::string line = "10.9.9.9 db.svc.example.com\n";
  CHECK_THAT(explain(make_block(sample_pins()) + line),
             Catch::Contains("line 6 gives db.svc.example.com 10.9.9.9: the block wins in glibc"));
  CHECK_THAT(explain(line + make_block(sample_pins())),
             Catch::Contains("line 1 gives db.svc.example.com 10.9.9.9 before the block: it wins"));
  CHECK_THAT(explain("10.1.2.3 db.svc.example.com\n"), Catch::Contains("harmless"));
  CHECK_THAT(explain("2001:db8::9 db1.svc.example.com\n"),
             Catch::Contains("its address family alone gets only it"));
  CHECK_THAT(explain("#\r10.9.9.9 db.svc.example.com\n"), Catch::Contains("systemd-resolved"));

  const Worked plan = planned("10.9.9.9 db.svc.example.com other\x1b.example\n", sample_pins(),
                              ConflictPolicy::comment_out);
  REQUIRE(plan.conflicts.size() == 1);
  CHECK_THAT(describe_conflict(plan.conflicts[0]), Catch::Contains("it hides other\\x1b.example"));
}
