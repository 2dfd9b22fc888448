#include "nearest.h"

#include <algorithm>
#include <utility>

#include "hostspin/result.h"

namespace hostspin {
namespace {

constexpr std::size_t kWordBytesMax = 253;
constexpr std::size_t kLettersPerSlip = 4;  // "verfy" may be "verify", "dbx" is not "api"
constexpr std::size_t kSlipsMax = 3;

std::size_t slips_allowed(std::string_view word) {
  return std::clamp<std::size_t>(word.size() / kLettersPerSlip + 1, 1, kSlipsMax);
}

}  // namespace

// Optimal string alignment: Levenshtein's distance, and two letters swapped are one slip.
std::size_t slips_between(std::string_view a, std::string_view b) {
  a = a.substr(0, kWordBytesMax);
  b = b.substr(0, kWordBytesMax);
  std::vector<std::size_t> before_last;
  std::vector<std::size_t> last(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = std::exchange(last, row);
  }
  return last[b.size()];
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.empty()) return std::nullopt;
  const std::string* best = nullptr;
  std::size_t fewest = slips_allowed(word) + 1;
  for (const std::string& candidate : known) {
    const std::size_t slips = slips_between(word, candidate);
    // As many slips as the longer one has letters make any word of any other.
    if (slips >= fewest || slips >= std::max(word.size(), candidate.size())) continue;
    fewest = slips;
    best = &candidate;
  }
  if (best != nullptr && fewest <= 1) return *best;
  const auto begins = [&](const std::string& candidate) { return candidate.starts_with(word); };
  const auto begun = std::find_if(known.begin(), known.end(), begins);
  if (begun != known.end() && word.size() > 1 &&
      std::find_if(begun + 1, known.end(), begins) == known.end()) {
    return *begun;
  }
  return best == nullptr ? std::nullopt : std::optional<std::string>(*best);
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::optional<std::string> meant = nearest(word, known);
  return meant ? "did you mean " + quoted(*meant) + "? " : std::string();
}

}  // namespace hostspin
