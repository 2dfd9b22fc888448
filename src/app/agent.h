#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent_schedule.h"
#include "agent_settings.h"
#include "child_process.h"
#include "context.h"
#include "events.h"
#include "file_watch.h"
#include "log.h"

namespace hostspin {

/// The resident supervisor: timers, file events, signals and children. Every pass is a short-lived
/// `hostspin apply`, `refresh` or `agent-probe`; the supervisor itself reads no TOML, no note and
/// no network.
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
  enum class Task { settings, apply, refresh, probe };

  /// Room for one child. What is near the hosts file has its own, so that a drift does not wait for
  /// the network.
  struct Slot {
    std::optional<ChildProcess> child;
    Task task = Task::settings;
    Time deadline;
    bool output_ended = false;
    bool cancelled = false;  ///< its end is no news
  };

  /// When a task's passes began to find the lock taken.
  struct Busy {
    Time since;
    std::int64_t wall = 0;  ///< seconds since 1970
  };

  /// What a child said, taken apart.
  struct Report {
    std::string first_line;  ///< of what it said to people
    std::string verdict;     ///< the first such line that is no error, warning or note
    std::string plain;       ///< lines that are neither events nor hints, nor said to people
    std::map<std::string, Hint> hints;
  };

  bool start();
  bool block_signals();
  void leave();

  void start_tasks();
  void start_task(Slot& slot, Task task);
  void look_after(Slot& slot);
  void end_task(Slot& slot, int exit_code);
  Report take_output(const std::string& output, bool log_plain);
  bool was_told(std::int64_t number);
  void judge_task(Task task, int exit_code, const Report& report);
  void note_busy(Task task, std::int64_t holder);
  [[nodiscard]] static std::string how_it_ended(int exit_code, const Report& report);
  [[nodiscard]] static std::string why_no_settings(int exit_code, const Report& report,
                                                   const Result<AgentSettings>& read);
  [[nodiscard]] bool is_ruled_out(Task task) const;
  void retry_settings();
  void take_settings(int exit_code, const Report& report);
  void judge_read_only(Task task, const Report& report);
  void take_apply(const Report& report);
  void take_refresh(int exit_code, const Report& report);
  void raise_task_alarm(Task task, const std::string& why);
  void clear_task_alarm(Task task);
  void end_task_alarms();

  void wait();
  void take_signals();
  void take_file_events(bool mounts_changed);
  bool open_watch();
  void renew_watch();
  void take_hold_events();
  void want_look();
  void run_timers();
  void feed_watchdog();
  void show_schedule();
  [[nodiscard]] Time next_wake_up() const;
  [[nodiscard]] bool is_quiet() const { return now() < quiet_until_; }
  [[nodiscard]] Time now() const { return env_.clock.steady(); }
  [[nodiscard]] std::vector<std::string> child_arguments(Task task) const;
  [[nodiscard]] std::chrono::milliseconds time_limit(Task task) const;
  [[nodiscard]] static std::string_view task_name(Task task);

  const Env& env_;
  const CommonOptions& options_;
  Log& log_;
  AgentSettings settings_;
  bool settings_known_ = false;
  bool settings_unbooked_ = false;  ///< good ones, read again only to tell so
  bool copy_is_b_ = false;          ///< which of the two copies of the configuration is in force
  std::optional<FileWatch> watch_;
  bool unwatched_told_ = false;          ///< that there is no watch
  std::optional<FileWatch> hold_watch_;  ///< of the emergency stop: whoever lifts it waits
  FileWatch::Stamp settled_;  ///< the hosts file as it was after the last pass; for mount events
  int signals_ = -1;

  Slot near_;     ///< settings, apply
  Slot network_;  ///< refresh, probe
  bool want_settings_ = true;
  bool want_apply_ = false;
  bool want_refresh_ = false;
  bool want_probe_ = false;
  bool stopping_ = false;
  bool ready_ = false;
  bool reloading_ = false;

  RefreshSchedule schedule_;
  RetryDelay apply_retry_;
  RetryDelay watch_retry_;
  Debounce debounce_;
  Time settings_from_;          ///< not before: reloads in a storm are put together
  Time apply_at_;               ///< the sweep, the end of a debounce, or a retry
  bool event_pending_ = false;  ///< apply_at_ is the end of a debounce
  Time quiet_until_;            ///< another program keeps reverting the block: events wait
  Time refresh_at_;
  Time probe_at_;
  Time watchdog_at_;
  std::optional<std::chrono::milliseconds> watchdog_;
  std::map<Task, std::string> task_alarms_;
  std::map<Task, Busy> busy_;
  std::map<Task, Time> read_only_;  ///< since when a task has found its file system read-only
  std::deque<std::int64_t> told_;   ///< numbers of the last alarms' lines
  std::string status_;
  std::string why_failed_;  ///< why it cannot start; empty = it does
  bool is_stale_ = false;   ///< stopping, to be started anew with another view of the mounts
};

}  // namespace hostspin
