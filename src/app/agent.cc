#include "agent.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "hostspin/version.h"
#include "service_notify.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSweep{60000};  // what raises no event (chattr, mmap, NFS) is found by then
constexpr milliseconds kReloadSpacing{1000};
constexpr milliseconds kRetryAfterNoChild{5000};

std::uint64_t random_seed(Agent* fallback) {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) == static_cast<ssize_t>(sizeof seed)) return seed;
  return reinterpret_cast<std::uintptr_t>(fallback) ^ static_cast<std::uint64_t>(getpid());
}

}  // namespace

Agent::Agent(const Env& env, const CommonOptions& options, Log& log)
    : env_(env),
      options_(options),
      log_(log),
      schedule_(random_seed(this)),
      watchdog_(watchdog_period()) {
  settings_.config_file = options.config_file;
}

Agent::~Agent() {
  if (signals_ >= 0) (void)close(signals_);
}

bool Agent::block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}) sigaddset(&set, number);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return false;
  signals_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return signals_ >= 0;
}

bool Agent::start() {
  if (!block_signals()) {
    raise_task_alarm(Task::settings, std::string("cannot take signals: ") + std::strerror(errno));
    return false;
  }
  const Time begin = now();
  settings_from_ = begin;
  apply_at_ = begin + kSweep;
  refresh_at_ = begin + kSweep;
  probe_at_ = begin + kSweep;
  watchdog_at_ = begin;
  quiet_until_ = begin;
  // Without it the sweep finds that the hold was lifted.
  if (Result<FileWatch> watch = FileWatch::open(options_.root, std::string(kHoldPath)); watch) {
    hold_watch_.emplace(std::move(*watch));
  }
  log_.write({EventKind::agent_started, false, std::string("agent ") + kVersion + " started", {}});
  return true;
}

void Agent::start_tasks() {
  if (stopping_ || !why_failed_.empty()) return;
  if (!near_.child) {
    if (want_settings_ && now() >= settings_from_) {
      want_settings_ = false;
      settings_from_ = now() + kReloadSpacing;
      start_task(near_, Task::settings);
    } else if (want_apply_) {
      want_apply_ = false;
      start_task(near_, Task::apply);
    }
  }
  if (want_refresh_ && network_.child && network_.task == Task::probe && !network_.cancelled) {
    // A probe changes nothing, so it can wait; who asked for a refresh may not.
    network_.cancelled = true;
    network_.child->terminate();
    want_probe_ = true;
  }
  if (network_.child || !settings_known_) return;
  if (want_refresh_) {
    want_refresh_ = false;
    start_task(network_, Task::refresh);
  } else if (want_probe_) {
    want_probe_ = false;
    start_task(network_, Task::probe);
  }
}

void Agent::start_task(Slot& slot, Task task) {
  if (task == Task::apply) {
    if (event_pending_) debounce_.spend(now());
    event_pending_ = false;
    apply_at_ = now() + kSweep;
  }
  Result<ChildProcess> child = ChildProcess::start(child_arguments(task));
  if (!child) {
    raise_task_alarm(task, child.error().detail);
    // A machine that cannot fork needs no one who tries in a circle.
    apply_at_ = std::min(apply_at_, now() + kRetryAfterNoChild);
    if (task == Task::settings) retry_settings();
    if (task == Task::refresh) {
      const milliseconds wait = schedule_.after_failure(settings_.refresh_interval);
      refresh_at_ = std::min(refresh_at_, now() + wait);
    }
    return;
  }
  slot.child.emplace(std::move(*child));
  slot.task = task;
  slot.output_ended = false;
  slot.cancelled = false;
  slot.deadline = now() + time_limit(task);
}

/// Nobody has judged the configuration, or has told how: whoever asked for it is not served yet.
void Agent::retry_settings() {
  want_settings_ = true;
  settings_from_ = std::max(settings_from_, now() + kRetryAfterNoChild);
}

void Agent::look_after(Slot& slot) {
  if (!slot.child) return;
  if (const std::optional<int> code = slot.child->poll_exit()) {
    (void)slot.child->read_output();  // what is left of it
    end_task(slot, *code);
  } else if (now() >= slot.deadline) {
    raise_task_alarm(slot.task, "it did not end in time and was killed");
    slot.cancelled = true;
    slot.child->kill();
    slot.deadline = now() + time_limit(slot.task);
  }
}

void Agent::take_signals() {
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    switch (info.ssi_signo) {
      case SIGTERM:
      case SIGINT:
        if (!stopping_) notify_service_manager("STOPPING=1");
        stopping_ = true;
        break;
      case SIGHUP:
        want_settings_ = true;
        settings_unbooked_ = false;
        if (ready_ && !reloading_) notify_reloading();
        reloading_ = ready_;
        break;
      case SIGUSR1:
        want_refresh_ = settings_.has_sources || !settings_known_;
        break;
      default:
        break;  // SIGCHLD: look_after() looks
    }
  }
}

void Agent::take_file_events(bool mounts_changed) {
  if (!watch_) return;
  bool concerned = watch_->drain();
  // Mounts come and go all the time where containers run; only one over the file matters.
  if (mounts_changed) concerned = concerned || watch_->stamp() != settled_;
  if (!concerned) return;
  want_look();
}

/// Whoever says `release` has an incident to end: not even a back-off of the supervisor's makes him
/// wait, only one that the pass finds booked.
void Agent::take_hold_events() {
  if (hold_watch_ && hold_watch_->drain()) want_look();
}

/// Our own writing raises events too. Looking once more is cheaper than missing a writer who came
/// in the meantime.
void Agent::want_look() {
  const Time due = now() + debounce_.wait(now());
  if (due >= apply_at_) return;
  apply_at_ = due;
  event_pending_ = true;
}

void Agent::run_timers() {
  if (stopping_) return;
  if (now() >= apply_at_ && !near_.child) want_apply_ = true;
  if (!settings_known_) return;
  if (settings_.has_sources && now() >= refresh_at_) {
    want_refresh_ = true;
    refresh_at_ = now() + settings_.refresh_interval;
  }
  if (settings_.probe_interval.count() > 0 && now() >= probe_at_) {
    want_probe_ = true;
    probe_at_ = now() + settings_.probe_interval;
  }
}

Agent::Time Agent::next_wake_up() const {
  Time next = now() + std::chrono::hours(1);
  for (const Slot* slot : {&near_, &network_}) {
    if (slot->child) next = std::min(next, slot->deadline);
  }
  if (watchdog_) next = std::min(next, watchdog_at_);
  if (stopping_) return next;  // nothing else is begun any more
  if (!near_.child) next = std::min(next, apply_at_);
  if (!near_.child && want_settings_) next = std::min(next, settings_from_);
  if (settings_known_) {
    if (settings_.has_sources) next = std::min(next, refresh_at_);
    if (settings_.probe_interval.count() > 0) next = std::min(next, probe_at_);
  }
  return next;
}

void Agent::feed_watchdog() {
  if (!watchdog_ || now() < watchdog_at_) return;
  notify_service_manager("WATCHDOG=1");
  watchdog_at_ = now() + *watchdog_;
}

void Agent::wait() {
  const auto output = [](const Slot& slot) {
    return slot.child && !slot.output_ended ? slot.child->output_fd() : -1;
  };
  const bool listens = watch_ && !is_quiet();
  std::array<pollfd, 6> fds{};
  fds[0] = {signals_, POLLIN, 0};
  fds[1] = {output(near_), POLLIN, 0};
  fds[2] = {output(network_), POLLIN, 0};
  fds[3] = {listens ? watch_->events_fd() : -1, POLLIN, 0};
  fds[4] = {listens ? watch_->mounts_fd() : -1, POLLPRI, 0};
  fds[5] = {hold_watch_ ? hold_watch_->events_fd() : -1, POLLIN, 0};
  const auto left = std::chrono::ceil<milliseconds>(next_wake_up() - now());
  const auto timeout = std::clamp<std::int64_t>(left.count(), 0, 3600000);
  if (poll(fds.data(), fds.size(), static_cast<int>(timeout)) < 0) {
    return;  // EINTR: the loop comes again
  }
  if (fds[0].revents != 0) take_signals();
  if (fds[1].revents != 0) near_.output_ended = near_.child->read_output();
  if (fds[2].revents != 0) network_.output_ended = network_.child->read_output();
  if (fds[3].revents != 0 || fds[4].revents != 0) take_file_events((fds[4].revents & POLLPRI) != 0);
  if (fds[5].revents != 0) take_hold_events();
}

/// A pass that is running may finish: it holds the lock for milliseconds. The network half may not.
void Agent::leave() {
  if (network_.child && !network_.cancelled) {
    network_.cancelled = true;
    network_.child->terminate();
  }
}

int Agent::run() {
  if (!start()) return static_cast<int>(ExitCode::unknown);
  while (why_failed_.empty()) {
    run_timers();
    start_tasks();
    if (stopping_) {
      leave();
      if (!near_.child && !network_.child) break;
    }
    wait();
    feed_watchdog();
    look_after(near_);
    look_after(network_);
  }
  end_task_alarms();
  const bool failed = !why_failed_.empty();
  // The reason each time: where a service manager starts it again and again, the alarm was told
  // long ago.
  log_.write({EventKind::agent_stopped,
              false,
              failed      ? "agent stopped: it could not start: " + why_failed_
              : is_stale_ ? "agent stopped, to be started anew: it finds a file system read-only, "
                            "which may be writable again outside its sandbox"
                          : "agent stopped; the block stays",
              {}});
  return static_cast<int>(failed ? ExitCode::unknown : ExitCode::ok);
}

}  // namespace hostspin
