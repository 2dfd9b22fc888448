#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hostspin/ip.h"

namespace hostspin {

/// What a byte is to the readers of a hosts file. A table, because files may have 100,000 lines.
enum class ByteClass : std::uint8_t { word, blank, end };
inline constexpr std::array<ByteClass, 256> kByteClasses = [] {
  std::array<ByteClass, 256> classes{};
  for (const char c : {' ', '\t', '\r', '\v', '\f'})
    classes[static_cast<unsigned char>(c)] = ByteClass::blank;
  for (const char c : {'#', '\0'}) classes[static_cast<unsigned char>(c)] = ByteClass::end;
  return classes;
}();
[[nodiscard]] constexpr ByteClass byte_class(char c) {
  return kByteClasses[static_cast<unsigned char>(c)];
}
[[nodiscard]] constexpr bool is_blank(char c) { return byte_class(c) == ByteClass::blank; }

/// One line as glibc takes it: up to a NUL or a '#', an address, then names.
struct Entry {
  bool empty = true;  ///< blank or a comment
  std::string_view address;
  std::string_view names;  ///< the rest of the line, to be split by for_each_word()
};
[[nodiscard]] Entry read_entry(std::string_view line);

/// An address in any spelling that inet_pton takes; no zone.
[[nodiscard]] std::optional<IPAddress> read_address(std::string_view text);

/// Whether some reader may take the word for an address: short and octal forms, zones.
[[nodiscard]] bool may_be_address(std::string_view text);

[[nodiscard]] std::string to_lower(std::string_view text);

/// Calls `visit` with each line, its LF left out.
template <typename Visit>
void for_each_line(std::string_view bytes, Visit visit) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    visit(bytes.substr(0, end));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
  }
}

/// Calls `visit` with each run of non-blanks, up to a NUL or a '#'.
template <typename Visit>
void for_each_word(std::string_view text, Visit visit) {
  const std::size_t size = text.size();
  for (std::size_t at = 0; at < size;) {
    while (at < size && is_blank(text[at])) ++at;
    const std::size_t start = at;
    while (at < size && byte_class(text[at]) == ByteClass::word) ++at;
    if (at == start) return;
    visit(text.substr(start, at - start));
  }
}

}  // namespace hostspin
