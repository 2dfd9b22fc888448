#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin::desk {

/// `text` with the value of the top-level line `key = VALUE` replaced; everything else, comments on
/// that line included, stays byte for byte. Errc::usage where there is not exactly one such line.
Result<std::string> set_value(std::string_view text, std::string_view key, std::string_view value);

/// set_value() of version, issued and expires.
Result<std::string> set_edition(std::string_view text, std::int64_t version,
                                std::chrono::sys_seconds issued, std::chrono::sys_seconds expires);

}  // namespace hostspin::desk
