#pragma once

#include <string>

#include "context.h"
#include "cycle_report.h"
#include "hostspin/result.h"
#include "standing.h"

namespace hostspin {

/// Roots taken over in one cycle (U2).
inline constexpr int kRootStepsMax = 256;

struct CycleRequest {
  std::string from;        ///< --from
  bool adopt_now = false;  ///< --now
  bool dry_run = false;    ///< roots and manifest are taken over in `standing` alone
};

/// U1–U12: one update cycle, in hostspin-trust(7)'s order. Every refusal leaves state and hosts
/// file as they were; one bad source never ends the cycle. The Result is an error only where no
/// cycle could be run.
Result<CycleReport> run_update_cycle(Context& context, Standing& standing,
                                     const CycleRequest& request);

}  // namespace hostspin
