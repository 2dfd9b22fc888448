#pragma once

namespace hostspin {

/// hostspin-sign: everything that happens on an operator's desk and never on a fleet's host.
/// Returns the exit code: 0 fine, 1 needs attention, 2 clients would refuse it, 3 could not judge.
int run_desk(int argc, char** argv);

}  // namespace hostspin
