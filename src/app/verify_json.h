#pragma once

#include "output.h"
#include "verify_report.h"

namespace hostspin {

/// The keys of `hostspin.verify/1` beside those that every command has; see hostspin(8).
[[nodiscard]] Json verify_json(const VerifyFindings& findings, const VerifyJudgement& judgement);

}  // namespace hostspin
