#pragma once

#include <string_view>
#include <vector>

namespace hostspin {

/// The lines of a small configuration file, without their LF. A final LF makes no empty line.
[[nodiscard]] std::vector<std::string_view> lines_of(std::string_view bytes);

/// The words of a line, divided by blanks, tabs and CR.
[[nodiscard]] std::vector<std::string_view> words_of(std::string_view line);

/// The line as far as its first `#`.
[[nodiscard]] std::string_view without_comment(std::string_view line);

/// The line without leading and trailing blanks, tabs and CR.
[[nodiscard]] std::string_view trimmed(std::string_view line);

}  // namespace hostspin
