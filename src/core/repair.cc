// Damaged markers: what may be taken out because it can only be ours.

#include <algorithm>
#include <set>

#include "entry.h"
#include "hostspin/hosts_file.h"
#include "markers.h"

namespace hostspin {
namespace {

constexpr std::size_t kExplainedLinesMax = 2000;

enum class Fate { stays, may_be_ours, goes };

struct Line {
  std::string_view text;                        ///< its LF included
  std::size_t marker = std::string_view::npos;  ///< which marker it is
  Fate fate = Fate::stays;
};

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  return line;
}

/// `address TAB name`, byte for byte as a block has it.
std::optional<Pin> exact_pin(std::string_view line) {
  const std::size_t tab = line.find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  const Result<IPAddress> address = IPAddress::parse(line.substr(0, tab));
  const Result<HostName> name = HostName::parse(line.substr(tab + 1));
  if (!address || !name) return std::nullopt;
  return Pin{*address, *name};
}

/// One address and one name, in any spelling.
bool is_single_pin(std::string_view line) {
  const Entry entry = read_entry(line);
  if (entry.empty || !read_address(entry.address)) return false;
  std::size_t names = 0;
  bool good = true;
  for_each_word(entry.names, [&](std::string_view word) {
    ++names;
    good = good && HostName::parse(to_lower(word)).has_value();
  });
  return good && names == 1;
}

class Repair {
 public:
  Repair(std::string_view bytes, const std::vector<Pin>& known_pins)
      : markers_(find_markers(bytes)), known_(known_pins.begin(), known_pins.end()) {
    std::size_t next = 0;
    while (!bytes.empty()) {
      const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
      Line line{bytes.substr(0, end)};
      if (next < markers_.size() && markers_[next].line == lines_.size() + 1) line.marker = next++;
      lines_.push_back(line);
      bytes.remove_prefix(end);
    }
  }

  RepairPlan work_out() {
    for (std::size_t i = 0; i < markers_.size(); ++i) {
      line_of(i).fate = Fate::goes;
      const bool is_begin = markers_[i].kind == MarkerKind::begin;
      const bool closed =
          is_begin && i + 1 < markers_.size() && markers_[i + 1].kind == MarkerKind::end;
      const bool opened = !is_begin && i > 0 && markers_[i - 1].kind == MarkerKind::begin;
      if (closed)
        judge_enclosed(i);
      else if (is_begin)
        judge_beside(markers_[i].line, /*step=*/1);
      else if (!opened)
        judge_beside(markers_[i].line - 2, /*step=*/-1);
    }
    return write_down();
  }

 private:
  Line& line_of(std::size_t marker) { return lines_[markers_[marker].line - 1]; }

  void judge_enclosed(std::size_t begin) {
    for (std::size_t at = markers_[begin].line; at + 1 < markers_[begin + 1].line; ++at)
      if (is_single_pin(without_end(lines_[at].text))) lines_[at].fate = Fate::goes;
  }

  /// From the line with this index on, as long as lines look exactly like ours.
  void judge_beside(std::size_t at, int step) {
    while (at < lines_.size() && lines_[at].marker == std::string_view::npos) {
      const std::optional<Pin> pin = exact_pin(without_end(lines_[at].text));
      if (!pin || is_reserved(pin->name)) return;
      lines_[at].fate = known_.count(*pin) > 0 ? Fate::goes : Fate::may_be_ours;
      at += static_cast<std::size_t>(step);  // below 0 it wraps, and ends the loop
    }
  }

  RepairPlan write_down() {
    RepairPlan plan;
    std::size_t unexplained = 0;
    for (std::size_t i = 0; i < lines_.size(); ++i) {
      const Line& line = lines_[i];
      if (line.fate != Fate::goes)
        plan.after += line.text;
      else if (line.marker != std::string_view::npos &&
               markers_[line.marker].behind_byte_order_mark)
        plan.after += kByteOrderMark;
      if (line.fate == Fate::stays) continue;
      if (plan.explanation.size() == kExplainedLinesMax) {
        ++unexplained;
        continue;
      }
      plan.explanation.push_back(
          "line " + std::to_string(i + 1) +
          (line.fate == Fate::goes ? " goes: " : " stays, though it may be ours: ") +
          quoted(without_end(line.text)));
    }
    if (unexplained > 0)
      plan.explanation.push_back("and " + std::to_string(unexplained) + " more lines like these");
    return plan;
  }

  std::vector<Marker> markers_;
  std::set<Pin> known_;
  std::vector<Line> lines_;
};

}  // namespace

RepairPlan plan_repair(std::string_view bytes, const std::vector<Pin>& known_pins) {
  if (locate_block(bytes)) return {std::string(bytes), {}};
  return Repair(bytes, known_pins).work_out();
}

}  // namespace hostspin
