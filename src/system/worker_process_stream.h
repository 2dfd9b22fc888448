#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "hostspin/result.h"
#include "worker_process_connection.h"

namespace hostspin {

/// Requests that a worker has not taken yet: every probe there can be, and CA bundles, fit.
inline constexpr std::size_t kWorkerQueuedBytesMax = 128U << 20U;
/// All that one session may send back.
inline constexpr std::size_t kWorkerResultBytesMax = 128U << 20U;

/// Lines to and from a worker. Never blocks but in next_line(); the first failure ends the worker
/// and is the answer to everything after it.
class WorkerStream {
 public:
  /// `name` for messages; `stop_at` is when a worker that still runs is killed.
  WorkerStream(WorkerConnection connection, std::string name,
               std::chrono::steady_clock::time_point stop_at)
      : connection_(std::move(connection)), name_(std::move(name)), stop_at_(stop_at) {}

  [[nodiscard]] const std::string& name() const { return name_; }

  /// Queues a line, which ends in LF, and sends what the worker takes.
  Result<void> send(std::string_view line);
  /// Half-closes once the queue is empty.
  Result<void> finish();
  /// The next line without its LF. An empty optional is the end of the output, between two lines.
  /// Errc::timed_out when `limit` has passed, which leaves the session alive; Errc::worker_failed
  /// when it is over.
  Result<std::optional<std::string>> next_line(std::chrono::steady_clock::time_point limit);

  /// Ends the worker; what it did goes before "detail".
  Error fail(std::string detail);
  /// What became of a worker whose output has ended.
  std::string await_exit() { return connection_.await_exit(); }
  void kill_now() { connection_.kill_now(); }

 private:
  void flush();
  void close_if_done();
  Result<void> pump(std::chrono::steady_clock::time_point limit);
  Result<void> receive();
  std::optional<std::string> take_line();

  WorkerConnection connection_;
  std::string name_;
  std::chrono::steady_clock::time_point stop_at_;
  std::optional<Error> failure_;

  std::string queue_;
  std::size_t sent_ = 0;       ///< bytes of `queue_` that are gone
  bool finishing_ = false;     ///< nothing more will be queued
  bool writing_over_ = false;  ///< half-closed, or the worker reads no more

  std::string input_;         ///< at most a line, and the piece that came with its end
  std::size_t taken_ = 0;     ///< bytes of `input_` that were given out
  std::size_t searched_ = 0;  ///< bytes of `input_` known to hold no further LF
  std::size_t received_ = 0;
  bool input_over_ = false;
};

}  // namespace hostspin
