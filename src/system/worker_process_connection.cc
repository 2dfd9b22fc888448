#include "worker_process_connection.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// A listener whose queue is full is asked again this often, this long apart.
constexpr int kConnectTries = 20;
constexpr milliseconds kConnectPause{10};
constexpr milliseconds kReapPause{1};

/// How the child ended, without reaping it; nothing while it runs.
std::optional<std::string> ending_of(pid_t child) {
  siginfo_t info = {};
  if (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return errno == EINTR ? std::nullopt : std::optional<std::string>("ended");
  }
  if (info.si_pid == 0) return std::nullopt;
  const std::string status = std::to_string(info.si_status);
  if (info.si_code == CLD_EXITED) return "exited with status " + status;
  return "was killed by signal " + status + " (" + strsignal(info.si_status) + ")";
}

std::optional<std::string> await_ending(pid_t child, milliseconds limit) {
  const steady_clock::time_point end = steady_clock::now() + limit;
  for (;;) {
    std::optional<std::string> ending = ending_of(child);
    if (ending || steady_clock::now() >= end) return ending;
    std::this_thread::sleep_for(kReapPause);
  }
}

}  // namespace

WorkerConnection::~WorkerConnection() { kill_now(); }

void WorkerConnection::close_writing() const { (void)shutdown(write_fd(), SHUT_WR); }

std::string WorkerConnection::await_exit() {
  if (child_ == 0) {
    kill_now();
    return "closed the connection";
  }
  std::optional<std::string> ending = await_ending(child_, kWorkerLeaveLimit);
  kill_now();
  return ending ? *std::move(ending) : "closed its output and stayed";
}

void WorkerConnection::kill_now() {
  writing_.reset();
  reading_.reset();
  const pid_t child = std::exchange(child_, 0);
  if (child == 0) return;
  siginfo_t info = {};
  if (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 &&
      errno == ECHILD) {
    return;  // reaped by somebody else; its number may be another process's by now
  }
  // Its children go with it: it leads a process group, whose number is its own until it is reaped.
  // The second call is for a child that has not come to setsid() yet.
  (void)kill(-child, SIGKILL);
  (void)kill(child, SIGKILL);
  // One that hangs in the kernel (a dead NFS server under its executable) must not hang us as well.
  if (await_ending(child, kWorkerDieLimit)) (void)waitpid(child, nullptr, WNOHANG);
}

std::optional<WorkerConnection> connect_worker(const std::string& socket_path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (socket_path.empty() || socket_path.size() >= sizeof(address.sun_path)) return std::nullopt;
  socket_path.copy(address.sun_path, socket_path.size());

  OwnedFd socket_fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_fd.is_open()) return std::nullopt;
  for (int tries = 0; tries < kConnectTries; ++tries) {
    if (connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
        0) {
      return WorkerConnection(std::move(socket_fd));
    }
    if (errno != EAGAIN && errno != EINTR) return std::nullopt;
    std::this_thread::sleep_for(kConnectPause);
  }
  return std::nullopt;
}

}  // namespace hostspin
