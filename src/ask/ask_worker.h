#pragma once

namespace hostspin {

/// The whole of hostspin-ask: questions on standard input, answers on standard output, in the
/// protocol of worker_lines.h. It asks this machine's resolver, each question in a child of its
/// own, and its answers are shown to people, never acted on. The exit status: 0 all is answered, 1
/// the reader of the answers is gone, 2 the input breaks the protocol, 3 it cannot give up its
/// rights.
int run_ask_worker(int argc, char** argv);

}  // namespace hostspin
