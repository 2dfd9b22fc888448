#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent_settings.h"
#include "child_process.h"
#include "context.h"
#include "file_watch.h"
#include "log.h"

namespace hostspin {

/// The resident supervisor: timers, file events, signals and children. Every pass is a short-lived
/// `hostspin apply` or `hostspin refresh`; the supervisor itself reads no TOML, no note and no
/// network.
///
/// SIGTERM and SIGINT stop it and leave the block, SIGHUP reads the configuration again (a bad one
/// is reported and the old one kept), SIGUSR1 refreshes at once.
class Agent {
 public:
  Agent(const Env& env, const CommonOptions& options, Log& log);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent();

  /// Runs until a signal stops it. The exit code is 3 where it could not start.
  int run();

 private:
  using Time = std::chrono::steady_clock::time_point;
  enum class Task { settings, apply, refresh };

  bool block_signals();
  bool start();
  void start_next_task();
  void start_task(Task task);
  void end_task(int exit_code);
  void take_settings(int exit_code);
  void report_task(Task task, int exit_code);
  void schedule_refresh(int exit_code);
  void wait();
  void take_signals();
  void take_file_events(bool mounts_changed);
  void feed_watchdog();
  [[nodiscard]] Time next_wake_up() const;
  [[nodiscard]] Time now() const { return env_.clock.steady(); }
  [[nodiscard]] std::chrono::milliseconds random_up_to(std::chrono::milliseconds most);
  [[nodiscard]] std::vector<std::string> child_arguments(Task task) const;

  const Env& env_;
  const CommonOptions& options_;
  Log& log_;
  AgentSettings settings_;
  bool settings_known_ = false;
  std::optional<FileWatch> watch_;
  FileWatch::Stamp before_task_;  ///< the file when the pass began
  FileWatch::Stamp settled_;      ///< the hosts file as it was after the last apply
  int signals_ = -1;

  std::optional<ChildProcess> child_;
  Task task_ = Task::settings;
  Time task_deadline_;
  bool output_ended_ = false;
  bool want_settings_ = true;
  bool want_apply_ = false;
  bool want_refresh_ = false;
  bool stopping_ = false;
  bool failed_ = false;
  bool ready_ = false;

  Time apply_at_;  ///< the sweep, or the end of a debounce
  Time refresh_at_;
  Time watchdog_at_;
  std::optional<std::chrono::milliseconds> watchdog_;
  int refresh_failures_ = 0;
  std::string last_apply_words_;
  std::string last_refresh_words_;
  std::uint64_t random_ = 0;
};

}  // namespace hostspin
