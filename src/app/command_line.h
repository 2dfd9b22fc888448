#pragma once

#include "console.h"
#include "context.h"

namespace hostspin {

/// The whole program after its parts have been put together: reads the command line, runs one
/// command, returns the exit code.
int run_hostspin(int argc, char** argv, Env& env);

}  // namespace hostspin
