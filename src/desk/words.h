#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/result.h"

namespace hostspin::desk {

/// The lines of `text` without their LF; a text that ends in LF has no empty last line.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view text);
/// `text` without blanks, tabs, CR and LF at its ends.
[[nodiscard]] std::string_view trim(std::string_view text);
/// The words of `text`, separated by blanks or tabs.
[[nodiscard]] std::vector<std::string> split_blanks(std::string_view text);
[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view separator);
/// "1 key", "2 keys".
[[nodiscard]] std::string count_of(std::size_t number, std::string_view noun);

/// "2026-10-01T12:00:00Z", exactly that form, years 2020–2199. Errc::usage.
Result<std::chrono::sys_seconds> parse_time(std::string_view text);
/// "30d", "12h", "45m", "2w": a whole number and one unit, at most 1096 days. Errc::usage.
Result<std::chrono::seconds> parse_duration(std::string_view text);
/// A time, or a duration from `start`.
Result<std::chrono::sys_seconds> parse_moment(std::string_view text,
                                              std::chrono::sys_seconds start);
/// The desk's clock, in whole seconds.
[[nodiscard]] std::chrono::sys_seconds desk_now();

}  // namespace hostspin::desk
