#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "converge.h"
#include "hostspin/report.h"
#include "output.h"
#include "standing.h"

namespace hostspin {

/// What an operator must hear about one applied pass.
struct ApplyReport {
  ExitCode code = ExitCode::ok;
  std::string verdict;
  std::vector<std::string> warnings;
  std::vector<std::string> notes;  ///< what was done besides; nothing that needs attention
};
[[nodiscard]] ApplyReport report_apply(const Context& context, const Standing& standing,
                                       const Applied& applied);

/// Behind a name that is left out, in warnings and alarms.
inline constexpr std::string_view kOwnNameUnreadableWords =
    ": what the block leaves out for being this machine's own name stays out, and nothing else "
    "does; mend /etc/hostname";
inline constexpr std::string_view kOwnNameWords =
    " is this host's own name and was left out of its hosts file; [hosts] own_names acknowledges "
    "it";

/// What of a replacement an operator must hear, whatever was written.
[[nodiscard]] std::vector<std::string> outcome_warnings(const std::string& path,
                                                        const ReplaceOutcome& outcome);

/// The manifest, the block and the conflicts, as every command's JSON shows them.
[[nodiscard]] Json manifest_json(const Standing& standing);
[[nodiscard]] Json block_json(const Applied& applied);

/// "held (INC-7): " for the beginning of a verdict; empty where the file is not held.
[[nodiscard]] std::string held_words(const Applied& applied);
/// That the system clock is before the moment `now` by which all is judged here; empty where not.
[[nodiscard]] std::string clock_words(std::chrono::sys_seconds clock, std::chrono::sys_seconds now);
/// "1 line", "2 lines".
[[nodiscard]] std::string count_lines(std::size_t lines);
/// "; 2 warnings", to end a verdict with; empty for none.
[[nodiscard]] std::string attention_words(std::size_t warnings);

}  // namespace hostspin
