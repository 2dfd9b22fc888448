#pragma once

#include "context.h"
#include "hostspin/linkage.h"

namespace hostspin {

/// `--version`; with --verbose also how the program is linked, and what is in it.
ExitCode report_version(Env& env, const CommonOptions& options, const Linkage& linkage);

}  // namespace hostspin
