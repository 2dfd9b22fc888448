#pragma once

#include <chrono>
#include <string>

namespace hostspin {

/// RFC 3339 in UTC with whole seconds: "2026-10-01T12:00:00Z".
[[nodiscard]] std::string format_utc(std::chrono::sys_seconds time);

/// A span for people in its one or two largest units: "29 d 3 h", "4 min", "12 s". The sign is dropped.
[[nodiscard]] std::string format_span(std::chrono::seconds span);

}  // namespace hostspin
