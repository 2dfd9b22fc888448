#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "context.h"
#include "update_cycle.h"

namespace hostspin {

/// What the machine remembers for people and metrics (status.json). Nothing that decides anything
/// ever reads it, so a lost or edited one does no harm. Times are seconds since 1970, 0 = never.
struct Telemetry {
  struct SourceAttempt {
    std::string label;
    std::string outcome;  ///< ok, refused, failed, lagging
    std::string detail;
  };
  std::int64_t last_write = 0;  ///< of the block
  std::int64_t last_refresh_attempt = 0;
  std::int64_t last_refresh_success = 0;  ///< adopted or confirmed
  std::string last_outcome;               ///< of the last refresh
  std::int64_t last_refusal = 0;
  std::string last_refusal_detail;
  std::vector<SourceAttempt> sources;                    ///< of the last refresh
  std::map<std::string, std::int64_t> refresh_failures;  ///< by reason, ever
  std::int64_t drift_repairs = 0;                        ///< ever
  std::int64_t last_drift = 0;
};

/// Defaults where there is none, or none that can be read.
[[nodiscard]] Telemetry load_telemetry(Context& context);
/// Best effort: a full or read-only disk costs the telemetry, not the pass.
void store_telemetry(Context& context, const Telemetry& telemetry);

void record_apply(Telemetry& telemetry, const Applied& applied, std::int64_t now);
void record_cycle(Telemetry& telemetry, const CycleReport& report, std::int64_t now);

}  // namespace hostspin
