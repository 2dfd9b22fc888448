#include "ask_worker.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "ask_loop.h"
#include "hostspin/version.h"
#include "sandbox.h"

namespace hostspin {
namespace {

enum Exit { kAnswered = 0, kReaderGone = 1, kBadInput = 2, kNotSandboxed = 3 };

int complain(const Error& error, int status) {
  (void)std::fprintf(stderr, "hostspin-ask: error: %s\n", error.detail.c_str());
  if (!error.hint.empty()) {
    (void)std::fprintf(stderr, "hostspin-ask: hint: %s\n", error.hint.c_str());
  }
  return status;
}

bool is_file(int fd) {
  struct stat status {};
  return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
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
  if (is_file(STDOUT_FILENO)) {  // the sandbox lets no file grow
    return complain({Errc::usage, "standard output is a file; use a pipe"}, kBadInput);
  }
  const Result<std::vector<std::string>> notices = enter_sandbox(Program::ask);
  if (!notices) return complain(notices.error(), kNotSandboxed);
  if (geteuid() == 0) {  // NSS modules are anybody's code
    return complain({Errc::denied, "cannot give up root's rights"}, kNotSandboxed);
  }
  const Result<void> done = AskLoop(STDIN_FILENO, STDOUT_FILENO, *notices).run();
  if (done) return kAnswered;
  return complain(done.error(), done.error().code == Errc::io_error ? kReaderGone : kBadInput);
}

}  // namespace hostspin
