#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hostspin {

/// The word of `known` that a mistyped `word` most likely stands for: the only one that it begins,
/// or the one that the fewest slips lead to (a letter left out, added, replaced, or two swapped).
/// Nothing where none is near: a wrong guess is worse than none. Words are looked at in their first
/// 253 bytes.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 const std::vector<std::string>& known);

/// "did you mean 'verify'? " for the beginning of a hint; empty where no word is near.
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       const std::vector<std::string>& known);

/// Fewest slips from one word to the other.
[[nodiscard]] std::size_t slips_between(std::string_view a, std::string_view b);

}  // namespace hostspin
