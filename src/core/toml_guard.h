#pragma once

#include <cstddef>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

inline constexpr std::size_t kDottedSegmentsMax = 8;
inline constexpr std::size_t kOpenBracketsMax = 8;

/// Refuses a text whose shape could exhaust the TOML parser's stack: `"""` or `'''`, more than
/// kDottedSegmentsMax dotted segments outside quotes, more than kOpenBracketsMax brackets open at
/// once outside strings; or could meet a fault of the parser: a byte outside ASCII that stands
/// in no comment. Needs constant stack itself. The error has `code` and names the
/// line.
Result<void> check_toml_shape(std::string_view text, Errc code);

}  // namespace hostspin
