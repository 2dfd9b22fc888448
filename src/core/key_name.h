#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hostspin {

/// `[A-Za-z0-9._/-]{1,128}`, the names that a key may have in a verifier key and a signature line.
[[nodiscard]] bool is_key_name(std::string_view text);

/// The first four bytes, big-endian; `bytes` has at least as many.
[[nodiscard]] std::uint32_t read_key_id(std::string_view bytes);
[[nodiscard]] std::string write_key_id(std::uint32_t id);

}  // namespace hostspin
