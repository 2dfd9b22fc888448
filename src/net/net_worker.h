#pragma once

namespace hostspin {

/// hostspin-net: fetches and probes what its standard input asks for (hostspin/worker_lines.h), in
/// a sandbox. Exit codes: 0 all answered or the parent gone, 1 the conversation broke, 2 wrong use.
int run_net_worker(int argc, char** argv);

}  // namespace hostspin
