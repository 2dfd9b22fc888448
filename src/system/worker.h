#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "hostspin/result.h"
#include "hostspin/worker_lines.h"

namespace hostspin {

/// One running conversation with hostspin-net. Its end, good or bad, ends the process or connection.
class NetSession {
 public:
  virtual ~NetSession() = default;
  /// Queues a request; never blocks for long.
  virtual Result<void> ask(const FetchRequest& request) = 0;
  virtual Result<void> ask(const ProbeRequest& request) = 0;
  /// No more requests will come.
  virtual Result<void> finish() = 0;
  /// The next result: checked, of an id that was asked and not answered yet. Errc::timed_out when `limit`
  /// has passed, Errc::worker_failed when the worker died, stalled past its deadline or broke the protocol;
  /// after the latter the session is over. `end` is reported once.
  virtual Result<NetResult> next(std::chrono::steady_clock::time_point limit) = 0;
};

class AskSession {
 public:
  virtual ~AskSession() = default;
  virtual Result<void> ask(const AskRequest& request) = 0;
  virtual Result<void> finish() = 0;
  virtual Result<AskOutput> next(std::chrono::steady_clock::time_point limit) = 0;
};

/// Reaches the two workers: by their sockets under systemd, else by fork and exec as an unprivileged
/// user with a clean environment.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual Result<std::unique_ptr<NetSession>> start_net(const SessionStart& start) = 0;
  /// Errc::not_found, now or in place of an answer, where this machine lacks the glibc that hostspin-ask needs.
  virtual Result<std::unique_ptr<AskSession>> start_ask(std::chrono::milliseconds deadline) = 0;
};

}  // namespace hostspin
