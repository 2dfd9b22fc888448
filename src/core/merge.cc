// Putting other writers' edits together with ours.

#include <algorithm>
#include <unordered_set>

#include "entry.h"
#include "foreign.h"
#include "hostspin/hosts_file.h"
#include "markers.h"

namespace hostspin {
namespace {

/// One replaced stretch of whole lines: everything between what two texts have in common at both
/// ends.
struct Stretch {
  std::size_t begin = 0;  ///< in the base
  std::size_t end = 0;
  std::string_view text;  ///< what stands there instead
};

Stretch changed_stretch(std::string_view base, std::string_view edited) {
  const auto differ = std::mismatch(base.begin(), base.end(), edited.begin(), edited.end());
  auto head = static_cast<std::size_t>(differ.first - base.begin());
  while (head > 0 && base[head - 1] != '\n') --head;  // back to the line's start

  const std::size_t tail_max = std::min(base.size(), edited.size()) - head;
  std::size_t tail = 0;
  while (tail < tail_max && base[base.size() - 1 - tail] == edited[edited.size() - 1 - tail])
    ++tail;
  const auto starts_line = [&](std::string_view text) {
    const std::size_t at = text.size() - tail;
    return at == head || text[at - 1] == '\n';
  };
  while (tail > 0 && !(starts_line(base) && starts_line(edited))) --tail;
  return {head, base.size() - tail, edited.substr(head, edited.size() - tail - head)};
}

/// The file's lines that are not ours, the prefix of comment-out taken off.
template <typename Visit>
void for_each_foreign_line(std::string_view bytes, Visit visit) {
  const auto visit_part = [&](std::string_view part) {
    for_each_line(part, [&](std::string_view line) { visit(without_conflict_prefix(line)); });
  };
  const std::vector<Marker> markers = find_markers(bytes);
  const Result<BlockPlace> place = locate_block(bytes);
  if (place) {
    visit_part(place->before(bytes));
    visit_part(place->after(bytes));
  } else if (markers.size() == 1 && markers[0].kind == MarkerKind::begin) {
    // A run killed while it wrote: the block is cut short, and nothing follows it.
    visit_part(bytes.substr(0, markers[0].offset));
  } else {
    visit_part(bytes);
  }
}

}  // namespace

std::optional<std::string> merge_edits(std::string_view base, std::string_view mine,
                                       std::string_view theirs) {
  const Stretch a = changed_stretch(base, mine);
  const Stretch b = changed_stretch(base, theirs);
  if (a.begin == b.begin && a.end == b.end && a.text == b.text) return std::string(mine);

  const bool a_first = a.end <= b.begin;
  if (!a_first && b.end > a.begin) return std::nullopt;
  const Stretch& first = a_first ? a : b;
  const Stretch& second = a_first ? b : a;
  std::string merged(base.substr(0, first.begin));
  const auto append_lines = [&](std::string_view lines) {
    // A last line without LF must not run into what now follows it.
    if (!lines.empty() && !merged.empty() && merged.back() != '\n') merged += '\n';
    merged += lines;
  };
  append_lines(first.text);
  append_lines(base.substr(first.end, second.begin - first.end));
  append_lines(second.text);
  append_lines(base.substr(second.end));
  return merged;
}

bool holds_lost_lines(std::string_view left, std::string_view target) {
  std::unordered_set<std::string_view> kept;
  for_each_foreign_line(target, [&](std::string_view line) { kept.insert(line); });

  // A write cut short leaves the beginning of BEGIN, or of a line that the target has in full.
  const std::string_view cut_line = left.substr(left.rfind('\n') + 1);
  const auto is_beginning = [&](std::string_view line) {
    if (line.data() != cut_line.data()) return false;
    return kBeginText.starts_with(line) ||
           std::any_of(kept.begin(), kept.end(),
                       [&](std::string_view whole) { return whole.starts_with(line); });
  };
  bool lost = false;
  for_each_foreign_line(left, [&](std::string_view line) {
    if (lost || kept.count(line) > 0) return;
    const bool blank = std::all_of(line.begin(), line.end(), is_blank);
    lost = !blank && !is_beginning(line);
  });
  return lost;
}

}  // namespace hostspin
