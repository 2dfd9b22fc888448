// Unified diff by Myers' greedy algorithm ("An O(ND) Difference Algorithm", 1986), on whole lines.

#include <algorithm>
#include <unordered_map>

#include "hostspin/hosts_file.h"

namespace hostspin {
namespace {

constexpr std::size_t kContextLines = 3;
// More edits than two blocks of the largest size replaced by each other; above it the changed
// stretch is shown as taken out and put in as a whole.
constexpr int kEditsMax = 2200;
constexpr std::size_t kShownLineBytesMax = 400;

struct Edit {
  char kind = ' ';  ///< ' ', '-' or '+'
  std::string_view line;
};

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end == std::string_view::npos ? end : end + 1));
    text.remove_prefix(lines.back().size());
  }
  return lines;
}

/// Lines as numbers: equal lines have equal numbers.
class Numbers {
 public:
  std::vector<int> number(const std::vector<std::string_view>& lines) {
    std::vector<int> numbers;
    numbers.reserve(lines.size());
    for (const std::string_view line : lines)
      numbers.push_back(known_.try_emplace(line, static_cast<int>(known_.size())).first->second);
    return numbers;
  }

 private:
  std::unordered_map<std::string_view, int> known_;
};

using Lines = std::vector<std::string_view>;

void replace_all(const Lines& a, const Lines& b, std::vector<Edit>& edits) {
  for (const std::string_view line : a) edits.push_back({'-', line});
  for (const std::string_view line : b) edits.push_back({'+', line});
}

/// The furthest points reached after each number of edits, by diagonal; empty when kEditsMax is
/// passed.
std::vector<std::vector<int>> furthest_points(const std::vector<int>& a,
                                              const std::vector<int>& b) {
  const int size_a = static_cast<int>(a.size());
  const int size_b = static_cast<int>(b.size());
  const int edits_max = std::min(kEditsMax, size_a + size_b);
  std::vector<std::vector<int>> trace;
  std::vector<int> reached(static_cast<std::size_t>(2 * edits_max + 3), 0);
  const auto at = [&](int diagonal) -> int& {
    const int index = diagonal + edits_max + 1;
    return reached[static_cast<std::size_t>(index)];
  };
  for (int edits = 0; edits <= edits_max; ++edits) {
    std::vector<int> row;
    row.reserve(static_cast<std::size_t>(edits) + 1);
    for (int diagonal = -edits; diagonal <= edits; diagonal += 2) {
      const bool down =
          diagonal == -edits || (diagonal != edits && at(diagonal - 1) < at(diagonal + 1));
      int x = down ? at(diagonal + 1) : at(diagonal - 1) + 1;
      int y = x - diagonal;
      while (x < size_a && y < size_b &&
             a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(y)]) {
        ++x;
        ++y;
      }
      at(diagonal) = x;
      row.push_back(x);
      if (x >= size_a && y >= size_b) {
        trace.push_back(std::move(row));
        return trace;
      }
    }
    trace.push_back(std::move(row));
  }
  return {};
}

/// Walks the trace back from the end; the edits come out in reverse.
std::vector<Edit> walk_back(const std::vector<std::vector<int>>& trace, const Lines& a,
                            const Lines& b) {
  std::vector<Edit> edits;
  int x = static_cast<int>(a.size());
  int y = static_cast<int>(b.size());
  for (int count = static_cast<int>(trace.size()) - 1; count >= 0; --count) {
    const int diagonal = x - y;
    int from_x = 0;
    int from_y = 0;
    if (count > 0) {
      // Row `count - 1` holds the diagonals -(count-1), -(count-3), …
      const std::vector<int>& row = trace[static_cast<std::size_t>(count - 1)];
      const auto reached = [&](int d) {
        return row[static_cast<std::size_t>((d + count - 1) / 2)];
      };
      const bool down = diagonal == -count ||
                        (diagonal != count && reached(diagonal - 1) < reached(diagonal + 1));
      from_x = down ? reached(diagonal + 1) : reached(diagonal - 1);
      from_y = from_x - (down ? diagonal + 1 : diagonal - 1);
    }
    const auto line = [](const Lines& lines, int i) { return lines[static_cast<std::size_t>(i)]; };
    while (x > from_x && y > from_y) {
      edits.push_back({' ', line(a, x - 1)});
      --x;
      --y;
    }
    if (count == 0) break;
    if (x > from_x)
      edits.push_back({'-', line(a, --x)});
    else
      edits.push_back({'+', line(b, --y)});
  }
  std::reverse(edits.begin(), edits.end());
  return edits;
}

/// Every line of both texts with what becomes of it.
std::vector<Edit> compare(const Lines& before, const Lines& after) {
  const auto common = std::mismatch(before.begin(), before.end(), after.begin(), after.end());
  const auto head = static_cast<std::size_t>(common.first - before.begin());
  std::size_t tail = 0;
  while (tail < std::min(before.size(), after.size()) - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  const auto middle = [&](const Lines& lines) {
    return Lines(lines.begin() + static_cast<std::ptrdiff_t>(head),
                 lines.end() - static_cast<std::ptrdiff_t>(tail));
  };
  const Lines a = middle(before);
  const Lines b = middle(after);

  std::vector<Edit> edits;
  edits.reserve(before.size() + b.size());
  for (std::size_t i = 0; i < head; ++i) edits.push_back({' ', before[i]});
  Numbers numbers;
  const std::vector<int> a_numbers = numbers.number(a);
  const std::vector<std::vector<int>> trace = furthest_points(a_numbers, numbers.number(b));
  if (trace.empty()) {
    replace_all(a, b, edits);
  } else {
    const std::vector<Edit> found = walk_back(trace, a, b);
    edits.insert(edits.end(), found.begin(), found.end());
  }
  for (std::size_t i = before.size() - tail; i < before.size(); ++i)
    edits.push_back({' ', before[i]});
  return edits;
}

/// Printable as it is; TAB too, since hosts files are full of it.
void append_line(std::string& out, const Edit& edit) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string_view line = edit.line;
  const bool ended = line.ends_with('\n');
  if (ended) line.remove_suffix(1);
  out += edit.kind;
  for (const char c : line.substr(0, kShownLineBytesMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte >= 0x20 && byte <= 0x7E) || c == '\t') {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  if (line.size() > kShownLineBytesMax) out += "...";
  out += '\n';
  if (!ended) out += "\\ No newline at end of file\n";
}

std::string range(std::size_t start, std::size_t count) {
  // An empty range names the line before it.
  const std::size_t first = count == 0 ? start : start + 1;
  if (count == 1) return std::to_string(first);
  return std::to_string(first) + "," + std::to_string(count);
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after,
                         std::string_view before_label, std::string_view after_label) {
  if (before == after) return {};
  const std::vector<Edit> edits = compare(split_lines(before), split_lines(after));
  std::string out = "--- " + std::string(before_label) + "\n+++ " + std::string(after_label) + "\n";

  std::size_t old_line = 0;
  std::size_t new_line = 0;
  std::size_t at = 0;
  while (at < edits.size()) {
    std::size_t first = at;
    while (first < edits.size() && edits[first].kind == ' ') ++first;
    if (first == edits.size()) break;
    const std::size_t start = first - std::min(kContextLines, first - at);
    old_line += start - at;
    new_line += start - at;
    // The hunk goes on while the next change is within reach of both contexts.
    std::size_t end = first;
    for (std::size_t same = 0; end < edits.size() && same <= 2 * kContextLines; ++end)
      same = edits[end].kind == ' ' ? same + 1 : 0;
    std::size_t last = end;
    while (edits[last - 1].kind == ' ') --last;
    end = std::min(last + kContextLines, edits.size());

    const auto count = [&](char other) {
      return static_cast<std::size_t>(
          std::count_if(edits.begin() + static_cast<std::ptrdiff_t>(start),
                        edits.begin() + static_cast<std::ptrdiff_t>(end),
                        [&](const Edit& edit) { return edit.kind != other; }));
    };
    const std::size_t old_count = count('+');
    const std::size_t new_count = count('-');
    out += "@@ -" + range(old_line, old_count) + " +" + range(new_line, new_count) + " @@\n";
    for (std::size_t i = start; i < end; ++i) append_line(out, edits[i]);
    old_line += old_count;
    new_line += new_count;
    at = end;
  }
  return out;
}

}  // namespace hostspin
