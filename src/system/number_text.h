#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hostspin {

/// A decimal number with nothing before or after it, a minus sign apart.
[[nodiscard]] std::optional<std::int64_t> parse_number(std::string_view text);

}  // namespace hostspin
