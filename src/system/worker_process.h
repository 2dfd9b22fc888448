#pragma once

#include <sys/auxv.h>

#include <chrono>
#include <memory>
#include <string>

#include "worker.h"

namespace hostspin {

/// Notices of one session, and what may stand in one.
inline constexpr int kWorkerNoticesMax = 64;

struct WorkerProcessOptions {
  bool verbose = false;  ///< a started worker's stderr is ours, not /dev/null
  bool sockets = true;   ///< ask the units' sockets first
  std::string net_socket = "/run/hostspin-net.sock";
  std::string ask_socket = "/run/hostspin-ask.sock";
  std::string libexec_directory;  ///< empty: ../libexec/hostspin beside this program
  /// Whether a loader of libraries has started this program: then there is one for hostspin-ask too.
  bool has_loader = getauxval(AT_BASE) != 0;
  /// How long past a session's deadline a worker may live: its own count starts when it has been
  /// loaded and has read the deadline, which takes systemd a while on a host that is booting.
  std::chrono::milliseconds grace{2000};
};

/// The real Worker. It trusts no worker: one that dies, stalls past its deadline or leaves the
/// protocol is killed and reaped, and the session's answer is Errc::worker_failed with what
/// happened. A session needs no signal disposition and lets no SIGPIPE arise; its destructor leaves
/// neither process nor descriptor behind.
class WorkerProcess : public Worker {
 public:
  WorkerProcess() = default;
  explicit WorkerProcess(WorkerProcessOptions options) : options_(std::move(options)) {}

  Result<std::unique_ptr<NetSession>> start_net(const SessionStart& start) override;
  Result<std::unique_ptr<AskSession>> start_ask(std::chrono::milliseconds deadline) override;

 private:
  WorkerProcessOptions options_;
};

}  // namespace hostspin
