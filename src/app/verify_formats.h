#pragma once

#include <string>

#include "console.h"
#include "verify_report.h"

namespace hostspin {

/// A Nagios plugin's output: the verdict, a bar and performance data on the first line, what is
/// wrong on the next ones (Monitoring Plugins Development Guidelines, section 2).
[[nodiscard]] std::string verify_nagios(const Console& console, const VerifyFindings& findings,
                                        const VerifyJudgement& judgement);

/// The Prometheus text format, for a textfile collector or a push.
[[nodiscard]] std::string verify_prometheus(const VerifyFindings& findings,
                                            const VerifyJudgement& judgement);
/// The same where nothing could be verified.
[[nodiscard]] std::string failed_prometheus(ExitCode code);

/// JUnit's XML: a test case a check, and one each for the block and the manifest.
[[nodiscard]] std::string verify_junit(const VerifyFindings& findings,
                                       const VerifyJudgement& judgement);
[[nodiscard]] std::string failed_junit(const Error& error);

}  // namespace hostspin
