#include "name_search.h"

#include <algorithm>

namespace hostspin {
namespace {

/// The same for both cases of a letter.
std::size_t folded(char c) { return static_cast<unsigned char>(c) | 0x20U; }

}  // namespace

NameSearch::NameSearch(const std::vector<std::string_view>& words) {
  if (words.empty()) return;
  size_ = kWindowMax;
  for (const std::string_view word : words) size_ = std::min(size_, word.size());
  if (size_ < 2) return;
  shifts_.fill(static_cast<std::uint8_t>(size_ - 1));
  for (const std::string_view word : words) {
    for (std::size_t i = 0; i + 2 <= size_; ++i) {
      std::uint8_t& shift = shifts_[pair(word.data() + i)];
      shift = std::min(shift, static_cast<std::uint8_t>(size_ - 2 - i));
    }
    starts_.set(window(word.data()));
  }
}

std::size_t NameSearch::pair(const char* at) {
  return (folded(at[0]) * 61 + folded(at[1])) % kPairs;
}

std::size_t NameSearch::window(const char* at) const {
  std::size_t hash = 0;
  for (std::size_t i = 0; i < size_; ++i) hash = hash * 31 + folded(at[i]);
  return (hash ^ hash >> 16U) % kWindows;
}

std::size_t NameSearch::find(std::string_view text, std::size_t from) const {
  if (size_ < 2) return size_ == 1 && from < text.size() ? from : std::string_view::npos;
  for (std::size_t at = from; at + size_ <= text.size();) {
    const std::size_t shift = shifts_[pair(text.data() + at + size_ - 2)];
    if (shift == 0 && starts_[window(text.data() + at)]) return at;
    at += std::max<std::size_t>(shift, 1);
  }
  return std::string_view::npos;
}

}  // namespace hostspin
