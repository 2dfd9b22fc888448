#pragma once

#include "console.h"
#include "context.h"
#include "hostspin/linkage.h"

namespace hostspin {

/// The whole program after its parts have been put together: reads the command line, runs one
/// command, returns the exit code. `linkage` is what --version --verbose tells of.
int run_hostspin(int argc, char** argv, Env& env, const Linkage& linkage);

}  // namespace hostspin
