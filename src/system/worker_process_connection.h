#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "hostspin/result.h"
#include "owned_fd.h"

namespace hostspin {

/// How long a worker that has closed its output may take to be gone before it is killed, and how
/// long a killed one may take to die before it is left to init.
inline constexpr std::chrono::milliseconds kWorkerLeaveLimit{1000};
inline constexpr std::chrono::milliseconds kWorkerDieLimit{2000};
/// How long the way from fork to a successful exec may take.
inline constexpr std::chrono::milliseconds kWorkerExecLimit{5000};

/// A worker as reached: non-blocking sockets to it and from it, and the child behind them if it is
/// ours. Its destructor kills and reaps, whatever state the worker is in.
class WorkerConnection {
 public:
  /// Over one socket in both directions, with no child of ours behind it.
  explicit WorkerConnection(OwnedFd socket) : reading_(std::move(socket)) {}
  WorkerConnection(OwnedFd writing, OwnedFd reading, pid_t child)
      : writing_(std::move(writing)), reading_(std::move(reading)), child_(child) {}
  WorkerConnection(WorkerConnection&& other) noexcept
      : writing_(std::move(other.writing_)),
        reading_(std::move(other.reading_)),
        child_(std::exchange(other.child_, 0)) {}
  WorkerConnection& operator=(WorkerConnection&&) = delete;
  ~WorkerConnection();

  [[nodiscard]] int read_fd() const { return reading_.get(); }
  [[nodiscard]] int write_fd() const {
    return writing_.is_open() ? writing_.get() : reading_.get();
  }

  /// Tells the worker that nothing more will be asked. Results go on coming.
  void close_writing() const;

  /// What became of a worker whose output has ended: "exited with status 3", "was killed by signal
  /// 11 (Segmentation fault)", "closed its output and stayed". It is over after this call.
  std::string await_exit();
  /// Ends the worker at once. Harmless when it is over already.
  void kill_now();

 private:
  OwnedFd writing_;  ///< closed where `reading_` serves both ways
  OwnedFd reading_;
  pid_t child_ = 0;
};

/// The worker behind a unix socket, or nothing if nobody listens there or it is not for us.
[[nodiscard]] std::optional<WorkerConnection> connect_worker(const std::string& socket_path);

enum class WorkerStderr { discard, inherit };

/// Starts `executable` (an absolute path) in a session of its own with a clean environment, / as
/// its directory and no descriptor but 0, 1 and 2; as worker_identity() if this process is root's.
/// It dies with its parent. Errc::denied where root cannot give up its rights, Errc::worker_failed
/// otherwise.
Result<WorkerConnection> spawn_worker(const std::string& executable, const std::string& name,
                                      WorkerStderr stderr_use);

}  // namespace hostspin
