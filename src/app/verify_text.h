#pragma once

#include <string>

#include "console.h"
#include "verify_report.h"

namespace hostspin {

/// What comes after the verdict line, for people: at most kReportColumns wide, the worst first.
/// `checks_listed` names the checks that are fine as well.
[[nodiscard]] std::string verify_text(const Console& console, const VerifyOptions& verify,
                                      const VerifyFindings& findings,
                                      const VerifyJudgement& judgement, bool checks_listed);

/// Why this machine could not judge a check that was skipped. The code would say nothing to people.
[[nodiscard]] std::string_view skipped_words(const ProbeResult& result);

}  // namespace hostspin
