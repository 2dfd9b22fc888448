#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "worker_identity.h"
#include "worker_process_connection.h"

namespace hostspin {
namespace {

constexpr int kReportFd = 3;  ///< where the child says what failed; closed by a successful exec
constexpr int kFirstForeignFd = kReportFd + 1;
constexpr int kForeignFdMax = 65536;  ///< where close_range() is missing (before Linux 5.9)

enum class Step { stdio, groups, group, user, exec };

/// What the child writes when it cannot become the worker.
struct Failure {
  Step step;
  int number;
};

/// Everything the child needs, made before fork(): between fork() and exec only async-signal-safe
/// calls are allowed.
struct ChildPlan {
  const char* executable;
  char* const* arguments;
  char* const* environment;
  int input;
  int output;
  int diagnostics;
  int report;
  bool drop_rights;
  Identity identity;
  pid_t parent;
};

[[noreturn]] void give_up(Step step) {
  const Failure failure{step, errno};
  (void)!write(kReportFd, &failure, sizeof(failure));  // the parent times out without it
  _exit(127);
}

void reset_signals() {
  struct sigaction plain = {};
  plain.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number) (void)sigaction(number, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  (void)sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_foreign_fds() {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, unsigned{kFirstForeignFd}, ~0U, 0U) == 0) return;
#endif
  for (int fd = kFirstForeignFd; fd < kForeignFdMax; ++fd) (void)close(fd);
}

void drop_rights(const Identity& identity) {
  if (setgroups(0, nullptr) != 0) give_up(Step::groups);
  if (setresgid(identity.group, identity.group, identity.group) != 0) give_up(Step::group);
  if (setresuid(identity.user, identity.user, identity.user) != 0) give_up(Step::user);
}

[[noreturn]] void become_worker(const ChildPlan& plan) {
  // Every descriptor of the plan is above kReportFd, so no dup2() overwrites one still needed. The
  // report comes first: give_up() writes to it.
  if (dup3(plan.report, kReportFd, O_CLOEXEC) < 0) _exit(127);
  if (dup2(plan.input, 0) < 0 || dup2(plan.output, 1) < 0 || dup2(plan.diagnostics, 2) < 0) {
    give_up(Step::stdio);
  }
  close_foreign_fds();
  // Opened with the parent's rights: a build below /root is out of the worker's reach by path.
  const int program = open(plan.executable, O_PATH | O_CLOEXEC);
  (void)setsid();  // a terminal's Ctrl-C is the parent's to handle
  umask(077);
  if (chdir("/") != 0) give_up(Step::stdio);
  if (plan.drop_rights) drop_rights(plan.identity);
  // After the change of user, which clears it.
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != plan.parent) _exit(127);
  reset_signals();
  (void)syscall(SYS_execveat, program, "", plan.arguments, plan.environment, AT_EMPTY_PATH);
  // A kernel without it, or a program with an interpreter, which needs a path.
  execve(plan.executable, plan.arguments, plan.environment);
  give_up(Step::exec);
}

/// `fd` moved above the numbers that the child gives away; closed in any case.
OwnedFd raised(OwnedFd fd) {
  if (!fd.is_open()) return {};
  return OwnedFd(fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstForeignFd));
}

struct FdPair {
  OwnedFd ours;
  OwnedFd childs;
};

/// Sockets, not pipes: MSG_NOSIGNAL keeps a dead worker from killing us with SIGPIPE.
FdPair make_socket_pair() {
  std::array<int, 2> ends = {-1, -1};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return {};
  FdPair pair{OwnedFd(ends[0]), raised(OwnedFd(ends[1]))};
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) pair.ours.reset();
  return pair;
}

FdPair make_report_pipe() {
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  return {OwnedFd(ends[0]), raised(OwnedFd(ends[1]))};
}

OwnedFd open_diagnostics(WorkerStderr use) {
  const int inherited =
      use == WorkerStderr::inherit ? fcntl(2, F_DUPFD_CLOEXEC, kFirstForeignFd) : -1;
  return inherited >= 0 ? OwnedFd(inherited)
                        : raised(OwnedFd(open("/dev/null", O_RDWR | O_CLOEXEC)));
}

std::string hint_for_exec(int number, const std::string& name) {
  if (number == ENOENT) return "install the whole package: " + name + " is missing";
  if (number == EACCES) return "let the user whom workers run as reach and run it";
  return {};
}

Error explain(const Failure& failure, const std::string& executable, const std::string& name) {
  const std::string why = strerror(failure.number);
  switch (failure.step) {
    case Step::stdio:
      break;
    case Step::groups:
    case Step::group:
    case Step::user:
      return {
          Errc::denied, "cannot give up root's rights for " + name + ": " + why,
          "start its socket, which needs no rights: systemctl enable --now " + name + ".socket"};
    case Step::exec:
      // The file is there, so it is the interpreter that it names which is not.
      if (failure.number == ENOENT && access(executable.c_str(), F_OK) == 0) {
        return {Errc::not_found, "cannot run " + quoted(executable) + ": no glibc here"};
      }
      return {Errc::worker_failed, "cannot run " + quoted(executable) + ": " + why,
              hint_for_exec(failure.number, name)};
  }
  return {Errc::worker_failed, "cannot start " + name + ": " + why};
}

/// Waits until exec has closed the report pipe, or has failed.
Result<void> await_exec(int report, const std::string& executable, const std::string& name) {
  using std::chrono::milliseconds;
  using std::chrono::steady_clock;
  const steady_clock::time_point end = steady_clock::now() + kWorkerExecLimit;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - steady_clock::now());
    if (left.count() <= 0) return {Errc::worker_failed, name + " did not start in time"};
    pollfd waited{report, POLLIN, 0};
    const int ready = poll(&waited, 1, static_cast<int>(left.count()));
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    Failure failure = {};
    const ssize_t size = read(report, &failure, sizeof(failure));
    if (size < 0 && errno == EINTR) continue;
    if (size == 0) return {};
    if (size != ssize_t{sizeof(failure)}) {
      return {Errc::worker_failed, "cannot tell whether " + name + " started"};
    }
    return explain(failure, executable, name);
  }
}

pid_t fork_worker(const ChildPlan& plan) {
  // No handler of ours may run in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = fork();
  if (child == 0) become_worker(plan);
  (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return child;
}

}  // namespace

Result<WorkerConnection> spawn_worker(const std::string& executable, const std::string& name,
                                      WorkerStderr stderr_use) {
  const bool is_root = geteuid() == 0;
  const Result<Identity> identity = is_root ? worker_identity() : Identity();
  if (!identity) return identity.error();
  FdPair input = make_socket_pair();
  FdPair output = make_socket_pair();
  FdPair report = make_report_pipe();
  OwnedFd diagnostics = open_diagnostics(stderr_use);
  if (!diagnostics.is_open()) {
    const char* hint =
        errno == ENOENT ? "give this root directory a /dev/null: mknod -m 666 /dev/null c 1 3" : "";
    return {Errc::worker_failed,
            "cannot start " + name + ": cannot open /dev/null: " + strerror(errno), hint};
  }
  if (!input.ours.is_open() || !input.childs.is_open() || !output.ours.is_open() ||
      !output.childs.is_open() || !report.ours.is_open() || !report.childs.is_open()) {
    return {Errc::worker_failed, "cannot start " + name + ": " + strerror(errno)};
  }

  std::string argument = name;
  std::string language = "LANG=C";
  std::string zone = "TZ=UTC";
  const std::array<char*, 2> arguments = {argument.data(), nullptr};
  const std::array<char*, 3> environment = {language.data(), zone.data(), nullptr};
  const ChildPlan plan{
      executable.c_str(),  arguments.data(),  environment.data(),  input.childs.get(),
      output.childs.get(), diagnostics.get(), report.childs.get(), is_root,
      *identity,           getpid()};
  const pid_t child = fork_worker(plan);
  if (child < 0) {
    return {Errc::worker_failed, "cannot start " + name + ": " + strerror(errno)};
  }
  // From here on a failure ends in the connection's destructor, which reaps.
  WorkerConnection connection(std::move(input.ours), std::move(output.ours), child);
  report.childs.reset();
  input.childs.reset();
  output.childs.reset();
  const Result<void> running = await_exec(report.ours.get(), executable, name);
  if (!running) return running.error();
  return connection;
}

}  // namespace hostspin
