#include "entry.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace hostspin {

Entry read_entry(std::string_view line) {
  const std::size_t size = line.size();
  std::size_t at = 0;
  while (at < size && is_blank(line[at])) ++at;
  const std::size_t start = at;
  while (at < size && byte_class(line[at]) == ByteClass::word) ++at;
  if (at == start) return {};  // nothing, a comment, or cut off by a NUL
  return {false, line.substr(start, at - start), line.substr(at)};
}

std::optional<IPAddress> read_address(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  std::array<char, INET6_ADDRSTRLEN> copy{};
  std::copy(text.begin(), text.end(), copy.begin());
  std::array<std::uint8_t, 16> bytes{};
  const bool is_v6 = text.find(':') != std::string_view::npos;
  if (::inet_pton(is_v6 ? AF_INET6 : AF_INET, copy.data(), bytes.data()) != 1) return std::nullopt;
  return IPAddress::from_bytes(bytes.data(), is_v6);
}

bool may_be_address(std::string_view text) {
  // A zone may be any text; what stands before it may not.
  const std::string_view number = text.substr(0, text.find('%'));
  if (number.empty()) return false;
  const auto is_hex = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  };
  if (number.find(':') != std::string_view::npos)
    return std::all_of(number.begin(), number.end(),
                       [&](char c) { return is_hex(c) || c == ':' || c == '.'; });
  if (number.front() < '0' || number.front() > '9') return false;
  return std::all_of(number.begin(), number.end(),
                     [&](char c) { return is_hex(c) || c == '.' || c == 'x' || c == 'X'; });
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace hostspin
