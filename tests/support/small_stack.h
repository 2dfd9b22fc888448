#pragma once

#include <functional>

namespace hostspin::testing {

/// Runs `work` to its end on a thread whose stack has 256 KiB, as a small program's may. What needs
/// more ends the whole test program.
void run_on_small_stack(std::function<void()> work);

}  // namespace hostspin::testing
