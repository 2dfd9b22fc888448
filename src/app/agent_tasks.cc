// What the agent's supervisor asks of its children, and what it makes of their answers.

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "agent.h"
#include "alarms.h"
#include "converge.h"
#include "events.h"
#include "hostspin/time_text.h"
#include "replace_file.h"
#include "run_files.h"
#include "service_notify.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPassLimit{15000};
static_assert(kPassLimit > 2 * kLockLimit + kFollowMax);  // a kill would lose what a writer adds
constexpr milliseconds kNetworkGrace{20000};  // beyond its own deadline: writing, and the lock
constexpr milliseconds kFirstProbeWithin{5000};
constexpr milliseconds kTurnJitter{1000};
constexpr std::int64_t kTurnSecondsMax = 604800;  // beyond it the turn is asked for again
constexpr milliseconds kBusyLimit{15000};      // beyond it nobody is at work, but something hangs
constexpr milliseconds kRetryAfterBusy{3000};  // after the time that the pass has waited itself
constexpr milliseconds kRetryAfterUnkept{60000};
constexpr milliseconds kReadOnlyLimit{30000};  // beyond it this process may see it so for ever
constexpr std::size_t kStatusLineBytesMax = 200;
constexpr std::size_t kToldMax = kUntoldMax;

std::string config_copy(bool is_b) { return is_b ? "config-b" : "config-a"; }

}  // namespace

std::string_view Agent::task_name(Task task) {
  switch (task) {
    case Task::settings:
      return "agent-settings";
    case Task::apply:
      return "apply";
    case Task::refresh:
      return "refresh";
    case Task::probe:
      return "agent-probe";
  }
  return "apply";
}

milliseconds Agent::time_limit(Task task) const {
  switch (task) {
    case Task::settings:
    case Task::apply:
      return kPassLimit;
    case Task::refresh:
      return settings_.refresh_deadline + settings_.probe_deadline + kNetworkGrace;
    case Task::probe:
      return settings_.probe_deadline + kNetworkGrace;
  }
  return kPassLimit;
}

std::vector<std::string> Agent::child_arguments(Task task) const {
  std::vector<std::string> arguments;
  const auto add = [&](const char* option, const std::string& value) {
    if (value.empty()) return;
    arguments.emplace_back(option);
    arguments.push_back(value);
  };
  add("--config", task == Task::settings ? options_.config_file : settings_.config_file);
  add("--root", options_.root);
  add("--hosts-file", options_.hosts_file);
  add("--state-dir", options_.state_dir);
  arguments.emplace_back("--no-color");
  arguments.emplace_back("--for-agent");
  if (options_.verbose) arguments.emplace_back("--verbose");
  arguments.emplace_back(task_name(task));
  if (task == Task::settings) {
    add("--copy", config_copy(!copy_is_b_));
    if (settings_known_ && settings_.has_files) arguments.emplace_back("--had-files");
  }
  if (task == Task::apply) arguments.emplace_back("--unattended");
  return arguments;
}

/// Whether an alarm's line was seen before: a child that is killed between telling it and booking
/// that it has leaves it to be told by the next one again.
bool Agent::was_told(std::int64_t number) {
  if (std::find(told_.begin(), told_.end(), number) != told_.end()) return true;
  told_.push_back(number);
  if (told_.size() > kToldMax) told_.pop_front();
  return false;
}

/// A sandbox that was built while a file system was read-only goes on showing it so, whatever is
/// remounted outside. Only a new process gets another, and only a service manager starts one.
void Agent::judge_read_only(Task task, const Report& report) {
  if (!report.hints.contains("read_only")) {
    if (report.hints.contains("exit")) read_only_.erase(task);
    return;
  }
  const Time since = read_only_.try_emplace(task, now()).first->second;
  if (stopping_ || !has_service_manager() || now() - since < kReadOnlyLimit) return;
  notify_service_manager("STOPPING=1");
  stopping_ = true;
  is_stale_ = true;
}

Agent::Report Agent::take_output(const std::string& output, bool log_plain) {
  Report report;
  std::string_view rest = output;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    const bool whole = end < rest.size();
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (const std::optional<Event> event = parse_event_line(line)) {
      // Half an alarm's line comes again, whole.
      const bool comes_again = event->number != 0 && (!whole || was_told(event->number));
      if (!comes_again) log_.write(*event);
    } else if (const std::optional<Hint> hint = parse_hint_line(line)) {
      report.hints[hint->key] = *hint;
    } else {
      if (report.first_line.empty()) report.first_line = std::string(line);
      const bool is_aside = line.starts_with("hostspin: ");
      if (report.verdict.empty() && !is_aside) report.verdict = line;
      if (!is_aside) report.plain.append(line).append("\n");
      if (log_plain) log_.debug(line);
    }
  }
  return report;
}

/// Whether the settings have no use for it any more: one that still runs is the last of its kind.
bool Agent::is_ruled_out(Task task) const {
  if (!settings_known_) return false;
  if (task == Task::refresh) return !settings_.has_sources;
  return task == Task::probe && settings_.probe_interval.count() == 0;
}

void Agent::raise_task_alarm(Task task, const std::string& why) {
  if (is_ruled_out(task)) return;
  const std::string name(task_name(task));
  if (!task_alarms_.emplace(task, why).second) return;  // told already
  log_.write({EventKind::pass_failed,
              false,
              "pass_failed " + name + ": " + why,
              {{"HOSTSPIN_TASK", name}}});
}

void Agent::clear_task_alarm(Task task) {
  if (task_alarms_.erase(task) == 0) return;
  const std::string name(task_name(task));
  log_.write(
      {EventKind::pass_failed, true, "pass_failed " + name + ": over", {{"HOSTSPIN_TASK", name}}});
}

/// Nobody remembers them: the next agent raises its own.
void Agent::end_task_alarms() {
  for (const auto& [task, why] : task_alarms_) {
    const std::string name(task_name(task));
    std::string message = "pass_failed ";
    message.append(name).append(": the agent stops; the last was: ").append(why);
    log_.write({EventKind::pass_failed, true, std::move(message), {{"HOSTSPIN_TASK", name}}});
  }
  task_alarms_.clear();
}

std::string Agent::how_it_ended(int exit_code, const Report& report) {
  return "it ended with exit code " + std::to_string(exit_code) +
         (report.first_line.empty() ? "" : ": " + report.first_line);
}

/// That the lock is taken is no news, as long as it passes on.
void Agent::note_busy(Task task, std::int64_t holder) {
  const std::int64_t wall = system_time(env_).time_since_epoch().count();
  const Busy& busy = busy_.try_emplace(task, Busy{now(), wall}).first->second;
  if (now() - busy.since < kBusyLimit) return;
  const std::chrono::sys_seconds since{std::chrono::seconds(busy.wall)};
  raise_task_alarm(task, "another hostspin" +
                             (holder > 0 ? " (process " + std::to_string(holder) + ")" : "") +
                             " has held the lock since " + format_utc(since));
}

/// Each command ends with a hint that says so; without it the child died, or said nothing usable.
void Agent::judge_task(Task task, int exit_code, const Report& report) {
  if (const auto busy = report.hints.find("busy"); busy != report.hints.end()) {
    return note_busy(task, busy->second.value);
  }
  busy_.erase(task);
  if (const auto unbooked = report.hints.find("unbooked"); unbooked != report.hints.end()) {
    return raise_task_alarm(task, "what it found could not be kept: " + unbooked->second.why);
  }
  if (report.hints.contains("exit")) return clear_task_alarm(task);
  raise_task_alarm(task, how_it_ended(exit_code, report));
}

void Agent::end_task(Slot& slot, int exit_code) {
  const Report report = take_output(slot.child->output(), slot.task != Task::settings);
  const Task task = slot.task;
  if (!slot.cancelled) judge_task(task, exit_code, report);
  if (!slot.cancelled) judge_read_only(task, report);
  slot.child.reset();
  const bool unkept = report.hints.contains("unbooked");
  switch (task) {
    case Task::settings:
      take_settings(exit_code, report);
      break;
    case Task::apply:
      take_apply(report);
      break;
    case Task::refresh:
      if (!slot.cancelled || !stopping_) take_refresh(exit_code, report);
      if (unkept) refresh_at_ = std::min(refresh_at_, now() + kRetryAfterUnkept);
      break;
    case Task::probe:
      if (unkept) probe_at_ = std::min(probe_at_, now() + kRetryAfterUnkept);
      break;
  }
  if (task == Task::apply || task == Task::refresh) {
    const std::string status = report.verdict.substr(0, kStatusLineBytesMax);
    if (!status.empty() && status != status_) notify_service_manager("STATUS=" + status);
    if (!status.empty()) status_ = status;
  }
  if (settings_known_ && task != Task::settings) renew_watch();
  show_schedule();
}

bool Agent::open_watch() {
  Result<FileWatch> watch = FileWatch::open(options_.root, settings_.hosts_path);
  if (!watch) {
    if (!std::exchange(unwatched_told_, true)) {
      log_.warning(watch.error().detail +
                   "; until that can be done, changes are found by looking now and then");
    }
    return false;
  }
  watch_.emplace(std::move(*watch));
  unwatched_told_ = false;
  return true;
}

void Agent::renew_watch() {
  const bool opened = !watch_ && open_watch();
  if (watch_) {
    const bool unseen = watch_->rearm() || opened;
    settled_ = watch_->stamp();
    if (unseen && !is_quiet()) want_look();
  }
  if (hold_watch_) (void)hold_watch_->rearm();  // the pass has looked at the hold just now
  // The directory may have come and gone again since the pass, with nothing watching it.
  if (watch_ && watch_->is_armed()) {
    watch_retry_.reset();
  } else {
    apply_at_ = std::min(apply_at_, std::max(quiet_until_, now() + watch_retry_.next()));
  }
}

std::string Agent::why_no_settings(int exit_code, const Report& report,
                                   const Result<AgentSettings>& read) {
  const auto end = report.hints.find("exit");
  if (end == report.hints.end()) return how_it_ended(exit_code, report);
  return end->second.why.empty() && !read ? read.error().detail : end->second.why;
}

void Agent::take_settings(int exit_code, const Report& report) {
  Result<AgentSettings> read = parse_settings(report.plain);
  const bool good = exit_code == 0 && read.has_value();
  if (!want_settings_) {  // else somebody has asked again meanwhile
    if (reloading_) notify_service_manager("READY=1");
    reloading_ = false;
  }
  // What could not be booked was not told either, be it an alarm or its end.
  const bool unbooked = report.hints.contains("unbooked");
  const bool repeated = std::exchange(settings_unbooked_, unbooked && good);
  if (unbooked || !report.hints.contains("exit")) retry_settings();
  if (!good) {
    // The child has told why. Without a first configuration there is nothing to run with.
    if (!settings_known_) why_failed_ = why_no_settings(exit_code, report, read);
    return;
  }
  if (const auto uncopied = report.hints.find("uncopied"); uncopied != report.hints.end()) {
    log_.warning("the configuration could not be copied, so passes read its files themselves: " +
                 uncopied->second.why);
  }
  const bool first = !settings_known_;
  const bool moved = first || read->hosts_path != settings_.hosts_path;
  const bool had_sources = !first && settings_.has_sources;
  settings_ = std::move(*read);
  settings_known_ = true;
  copy_is_b_ = !copy_is_b_;
  for (const Task task : {Task::refresh, Task::probe}) {
    if (is_ruled_out(task)) clear_task_alarm(task);
  }
  if (moved) {
    watch_.reset();
    (void)open_watch();  // tried again after the pass
  }
  want_apply_ = true;
  if (repeated) return;  // nobody has asked for it
  const Time refresh_at = now() + schedule_.first(settings_.refresh_splay);
  refresh_at_ = had_sources ? std::min(refresh_at_, refresh_at) : refresh_at;
  if (first) {
    probe_at_ = now() + std::min(kFirstProbeWithin, settings_.probe_interval);
  } else {
    probe_at_ = std::min(probe_at_, now() + settings_.probe_interval);
    log_.write({EventKind::configuration_loaded, false, "the configuration was read again", {}});
  }
}

void Agent::take_apply(const Report& report) {
  const auto back_off = report.hints.find("back_off_ms");
  if (back_off != report.hints.end() && back_off->second.value > 0) {
    quiet_until_ = now() + milliseconds(back_off->second.value);
    apply_at_ = quiet_until_;
  }
  if (report.hints.contains("in_sync")) {
    apply_retry_.reset();
  } else if (report.hints.contains("busy")) {
    apply_at_ = std::min(apply_at_, now() + kRetryAfterBusy);
  } else {
    apply_at_ = std::min(apply_at_, now() + apply_retry_.next());
  }
  if (ready_) return;
  ready_ = true;
  notify_service_manager("READY=1");
}

void Agent::take_refresh(int exit_code, const Report& report) {
  const milliseconds delay =
      exit_code <= 1 ? schedule_.after_success(settings_.refresh_interval, settings_.refresh_splay)
                     : schedule_.after_failure(settings_.refresh_interval);
  refresh_at_ = now() + delay;
  const auto turn = report.hints.find("adopt_in_s");
  if (turn == report.hints.end()) return;
  // This host's turn within `rollout`; the clock's seconds are whole ones.
  const std::chrono::seconds wait(std::clamp<std::int64_t>(turn->second.value, 0, kTurnSecondsMax));
  refresh_at_ = std::min(refresh_at_, now() + wait + schedule_.first(kTurnJitter));
}

/// For `status`, which cannot ask a process that has no listener.
void Agent::show_schedule() {
  const std::int64_t wall = system_time(env_).time_since_epoch().count();
  const auto at = [&](bool due, Time time) -> std::int64_t {
    return due ? wall + std::chrono::ceil<std::chrono::seconds>(time - now()).count() : 0;
  };
  AgentPresence presence;
  presence.pid = getpid();
  presence.next_refresh = at(settings_known_ && settings_.has_sources, refresh_at_);
  presence.next_probe = at(settings_known_ && settings_.probe_interval.count() > 0, probe_at_);
  const std::string text = format_presence(presence);
  // Best effort: it is for show.
  (void)write_run_file(env_.fs, options_.root, kAgentFile, text);
}

}  // namespace hostspin
