#include "ask_worker.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "ask_loop.h"
#include "ask_sandbox.h"
#include "hostspin/version.h"

namespace hostspin {
namespace {

enum Exit { kAnswered = 0, kReaderGone = 1, kBadInput = 2, kNotSandboxed = 3 };

int complain(const Error& error, int status) {
  (void)std::fprintf(stderr, "hostspin-ask: error: %s\n", error.detail.c_str());
  return status;
}

}  // namespace

int run_ask_worker(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    (void)std::printf("hostspin-ask %s\n", kVersion);
    return kAnswered;
  }
  if (argc > 1 || isatty(STDIN_FILENO) != 0) {
    (void)std::fputs(
        "hostspin-ask asks this machine's resolver on behalf of hostspin(8): questions on "
        "standard\n"
        "input, answers on standard output. It takes no options but --version.\n",
        stderr);
    return kBadInput;
  }
  const Result<void> sandboxed = enter_ask_sandbox();
  if (!sandboxed) return complain(sandboxed.error(), kNotSandboxed);
  (void)signal(SIGPIPE, SIG_IGN);
  const Result<void> done = AskLoop(STDIN_FILENO, STDOUT_FILENO).run();
  if (done) return kAnswered;
  return complain(done.error(), done.error().code == Errc::io_error ? kReaderGone : kBadInput);
}

}  // namespace hostspin
