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

}  // namespace hostspin
