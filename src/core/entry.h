#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hostspin/ip.h"

namespace hostspin {

/// What the readers of a hosts file take as blanks between words.
[[nodiscard]] constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/// One line as glibc takes it: up to a NUL or a '#', an address, then names.
struct Entry {
  bool empty = true;  ///< blank or a comment
  std::string_view address;
  std::string_view names;  ///< the rest, to be split by for_each_word()
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

/// Calls `visit` with each run of non-blanks.
template <typename Visit>
void for_each_word(std::string_view text, Visit visit) {
  const std::size_t size = text.size();
  for (std::size_t at = 0; at < size;) {
    while (at < size && is_blank(text[at])) ++at;
    const std::size_t start = at;
    while (at < size && !is_blank(text[at])) ++at;
    if (at > start) visit(text.substr(start, at - start));
  }
}

}  // namespace hostspin
