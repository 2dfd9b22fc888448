#pragma once

#include <optional>
#include <string>

#include "context.h"
#include "telemetry.h"
#include "update_cycle.h"

namespace hostspin {

/// Keeps the note that waits for its turn in a rollout, as a cycle was offered it, for `diff` to
/// show; takes it away where none waits. Best effort, and nothing is adopted from there.
void keep_scheduled_note(Context& context, const Telemetry& telemetry, const CycleReport& report);

/// That note; nothing where none is known. It proves itself like any other.
[[nodiscard]] std::optional<std::string> scheduled_note(Context& context);

}  // namespace hostspin
