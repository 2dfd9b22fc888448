#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hostspin {

/// Finds where one of some words may begin, in any case, and looks at few of the bytes in between:
/// Wu and Manber's "A fast algorithm for multi-pattern searching" (1994) without its last step, for
/// callers who take a closer look anyway. It misses none.
class NameSearch {
 public:
  /// Words of one byte are found everywhere. Without words nothing is found.
  explicit NameSearch(const std::vector<std::string_view>& words);

  /// The first such place at `from` or after it; npos where there is none.
  [[nodiscard]] std::size_t find(std::string_view text, std::size_t from) const;

 private:
  static constexpr std::size_t kWindowMax = 64;
  static constexpr std::size_t kPairs = 4096;
  static constexpr std::size_t kWindows = 65536;

  [[nodiscard]] static std::size_t pair(const char* at);
  [[nodiscard]] std::size_t window(const char* at) const;

  std::size_t size_ = 0;  ///< of the window: the shortest word's; 0 without words
  std::array<std::uint8_t, kPairs> shifts_{};  ///< by the window's last two bytes
  std::bitset<kWindows> starts_;               ///< by the whole window
};

}  // namespace hostspin
