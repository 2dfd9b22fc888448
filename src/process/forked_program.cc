#include "forked_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

extern char** environ;

namespace hostspin {
namespace {

constexpr int kFirstFreeFd = 3;

// Until exec the child makes async-signal-safe calls alone: whatever a library of ours held when
// it was forked stays held.

[[noreturn]] void give_up(int report) {
  const int number = errno;
  (void)!write(report, &number, sizeof(number));  // without it, it ends as a program that failed
  _exit(127);
}

/// What is ignored stays so through exec; a handler of ours would not, but might run before.
void set_signals(bool all_default, const sigset_t& mask) {
  struct sigaction plain = {};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction now = {};
    if (sigaction(number, nullptr, &now) != 0) continue;  // the two that libc keeps for itself
    // Our programs ignore these two for themselves.
    const bool inherited = now.sa_handler == SIG_IGN && number != SIGPIPE && number != SIGXFSZ;
    if (all_default || !inherited) (void)sigaction(number, &plain, nullptr);
  }
  (void)sigprocmask(SIG_SETMASK, &mask, nullptr);
}

/// As execvp(3) goes through PATH, but never on to a shell.
void run_first(const ProgramStart& start) {
  int refused = 0;
  for (const char* path : start.paths) {
    execve(path, start.arguments.data(), environ);
    if (errno == EACCES) refused = errno;
    if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return;
  }
  if (refused != 0) errno = refused;
}

[[noreturn]] void become(const ProgramStart& start, const sigset_t& mask, int report) {
  std::array<int, 3> streams = {start.input, start.output, start.diagnostics};
  // First out of the way: one of them may have the number that another is to get.
  for (int& fd : streams) {
    if (fd < 0) continue;
    fd = fcntl(fd, F_DUPFD_CLOEXEC, kFirstFreeFd);
    if (fd < 0) give_up(report);
  }
  for (int number = 0; number < kFirstFreeFd; ++number) {
    const int fd = streams[static_cast<std::size_t>(number)];
    if (fd >= 0 && dup2(fd, number) < 0) give_up(report);
  }
  set_signals(start.default_signals, mask);
  run_first(start);
  give_up(report);
}

/// What the child says went wrong before its program ran; 0 when exec has closed the pipe.
int await_exec(int report) {
  int number = 0;
  ssize_t got = 0;
  do {
    got = read(report, &number, sizeof(number));
  } while (got < 0 && errno == EINTR);
  return got == ssize_t{sizeof(number)} ? number : 0;
}

}  // namespace

int start_program(const ProgramStart& start, pid_t& child) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno;
  const int report = fcntl(ends[1], F_DUPFD_CLOEXEC, kFirstFreeFd);
  int failed = report < 0 ? errno : 0;
  (void)close(ends[1]);  // of a pipe: nothing is lost

  if (failed == 0) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &before);  // no handler of ours may run in the child
    sigset_t mask = before;
    if (start.default_signals) sigemptyset(&mask);
    child = fork();
    if (child == 0) become(start, mask, report);
    if (child < 0) failed = errno;
    (void)sigprocmask(SIG_SETMASK, &before, nullptr);
    (void)close(report);
  }
  if (failed == 0) {
    failed = await_exec(ends[0]);
    while (failed != 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  (void)close(ends[0]);
  return failed;
}

}  // namespace hostspin
