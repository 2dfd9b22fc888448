// Hosts files: whatever bytes stand in one, a plan keeps those outside the block, a second apply
// finds nothing to do, remove undoes apply, and no line that gives one of our names is passed by.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/hosts_file.h"

namespace {

using namespace hostspin;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Wanted {
  std::vector<Pin> pins;
  std::string block;
};

const Wanted& wanted() {
  static const Wanted kWanted = [] {
    Wanted wanted;
    for (const char* address : {"10.1.2.3", "2001:db8:10::3"}) {
      wanted.pins.push_back({*IPAddress::parse(address), *HostName::parse("db.svc.example.com")});
    }
    wanted.pins.push_back({*IPAddress::parse("10.1.2.3"), *HostName::parse("db1.svc.example.com")});
    wanted.block = *render_block_lines({"prod.example", 1, 42, "0123456789abcdef"}, wanted.pins);
    return wanted;
  }();
  return kWanted;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

/// Whether the line, read in the plainest way, gives one of our names.
bool gives_ours(std::string_view line) {
  line = line.substr(0, line.find_first_of(std::string_view("#\0", 2)));
  std::vector<std::string> words;
  for (std::size_t at = 0;;) {
    at = line.find_first_not_of(" \t\r\v\f", at);
    if (at == std::string_view::npos) break;
    const std::size_t end = std::min(line.find_first_of(" \t\r\v\f", at), line.size());
    words.push_back(lower(line.substr(at, end - at)));
    at = end;
  }
  if (words.empty() || !IPAddress::parse(words[0])) return false;
  return std::any_of(words.begin() + 1, words.end(), [](const std::string& word) {
    return word == "db.svc.example.com" || word == "db1.svc.example.com";
  });
}

/// Line numbers as find_conflicts() counts them.
std::set<std::size_t> lines_that_give_ours(const HostsFile& file) {
  std::set<std::size_t> lines;
  const auto look = [&](std::string_view part, std::size_t number) {
    while (!part.empty()) {
      const std::size_t end = std::min(part.find('\n'), part.size() - 1);
      std::string_view line = part.substr(0, end + 1);
      if (line.ends_with('\n')) line.remove_suffix(1);
      if (gives_ours(line)) lines.insert(number);
      ++number;
      part.remove_prefix(end + 1);
    }
  };
  look(file.before, 1);
  look(file.after, file.block ? file.block->last_line + 1 : 1);
  return lines;
}

void check_conflicts(const HostsFile& file) {
  const std::vector<Conflict> conflicts = find_conflicts(file, wanted().pins);
  if (conflicts.size() >= kConflictsMax) return;
  std::set<std::size_t> found;
  for (const Conflict& conflict : conflicts) found.insert(conflict.line);
  const std::set<std::size_t> sure = lines_that_give_ours(file);
  require(std::includes(found.begin(), found.end(), sure.begin(), sure.end()));
}

void check_plan(std::string_view bytes, const HostsFile& file, ConflictPolicy policy) {
  const Result<Plan> plan = plan_apply(bytes, wanted().block, wanted().pins, policy);
  require(plan.has_value());
  const std::string after = plan->after.str();
  require(plan->changes == (after != bytes));
  require(plan->after.size() == after.size() && plan->after == after);

  const Result<Plan> again = plan_apply(after, wanted().block, wanted().pins, policy);
  require(again && !again->changes && again->after == after);

  const std::string foreign = file.before + file.after;
  const std::string newline = !foreign.empty() && foreign.back() != '\n' ? "\n" : "";
  if (policy == ConflictPolicy::report) {
    require(after ==
            file.before + wanted().block + file.after + (file.after.empty() ? "" : newline));
  }
  if (foreign.find(kConflictPrefix) == std::string::npos) {
    const Result<Plan> removed = plan_remove(after);
    require(removed && removed->after == foreign + (file.after.empty() ? "" : newline));
  }
}

void check_repair(std::string_view bytes) {
  const RepairPlan repaired = plan_repair(bytes, wanted().pins);
  require(parse_hosts(repaired.after).has_value());
  require(repaired.after.size() <= bytes.size());
  require(plan_repair(repaired.after, wanted().pins).after == repaired.after);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const Result<HostsFile> file = parse_hosts(input);
  if (!file) {
    require(file.error().code == Errc::damaged_markers);
    check_repair(input);
    return 0;
  }
  require(file->bytes() == input);
  check_conflicts(*file);
  check_plan(input, *file, ConflictPolicy::report);
  check_plan(input, *file, ConflictPolicy::comment_out);

  // Two writers' edits: what both have stays, and a merge with nothing is the other.
  const std::string_view half = input.substr(0, size / 2);
  require(merge_edits(half, input, half) == std::string(input));
  (void)merge_edits(half, input, input.substr(size / 2));
  (void)holds_lost_lines(input, half);
  return 0;
}
