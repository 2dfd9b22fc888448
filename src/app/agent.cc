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

#include "commands.h"
#include "service_notify.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDebounce{100};  // a writer's several steps are one event
constexpr milliseconds kSweep{60000};   // what raises no event (chattr, mmap, NFS) is found by then
constexpr milliseconds kApplyLimit{10000};
constexpr milliseconds kRefreshGrace{20000};  // beyond its own deadline: writing and the probe
constexpr milliseconds kRetryFirst{5000};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

Agent::Agent(const Env& env, const CommonOptions& options, Log& log)
    : env_(env), options_(options), log_(log), watchdog_(watchdog_period()) {
  if (getrandom(&random_, sizeof random_, 0) != static_cast<ssize_t>(sizeof random_)) {
    random_ = static_cast<std::uint64_t>(now().time_since_epoch().count());
  }
  random_ |= 1;
}

Agent::~Agent() {
  if (signals_ >= 0) (void)close(signals_);
}

/// Full jitter needs no quality, only that hosts differ (xorshift64).
milliseconds Agent::random_up_to(milliseconds most) {
  random_ ^= random_ << 13U;
  random_ ^= random_ >> 7U;
  random_ ^= random_ << 17U;
  if (most.count() <= 0) return milliseconds(0);
  return milliseconds(
      static_cast<std::int64_t>(random_ % static_cast<std::uint64_t>(most.count())));
}

bool Agent::block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD}) sigaddset(&set, number);
  if (sigprocmask(SIG_BLOCK, &set, nullptr) != 0) return false;
  signals_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return signals_ >= 0;
}

std::vector<std::string> Agent::child_arguments(Task task) const {
  std::vector<std::string> arguments;
  const auto add = [&](const char* option, const std::string& value) {
    if (value.empty()) return;
    arguments.emplace_back(option);
    arguments.push_back(value);
  };
  add("--config", options_.config_file);
  add("--root", options_.root);
  add("--hosts-file", options_.hosts_file);
  add("--state-dir", options_.state_dir);
  arguments.emplace_back("--no-color");
  if (options_.verbose) arguments.emplace_back("--verbose");
  switch (task) {
    case Task::settings:
      arguments.emplace_back("agent-settings");
      break;
    case Task::apply:
      arguments.emplace_back("apply");
      break;
    case Task::refresh:
      arguments.emplace_back("refresh");
      break;
  }
  return arguments;
}

void Agent::start_task(Task task) {
  if (watch_) before_task_ = watch_->stamp();
  Result<ChildProcess> child = ChildProcess::start(child_arguments(task));
  if (!child) {
    log_.write(Log::Level::error, child.error().detail);
    // Try again with the next sweep; a machine that cannot fork needs no one who tries in a circle.
    apply_at_ = now() + kSweep;
    return;
  }
  child_.emplace(std::move(*child));
  task_ = task;
  output_ended_ = false;
  task_deadline_ =
      now() + (task == Task::refresh ? settings_.refresh_deadline + kRefreshGrace : kApplyLimit);
}

void Agent::start_next_task() {
  if (child_ || stopping_) return;
  if (want_settings_) {
    want_settings_ = false;
    start_task(Task::settings);
  } else if (want_apply_) {
    want_apply_ = false;
    start_task(Task::apply);
  } else if (want_refresh_) {
    want_refresh_ = false;
    start_task(Task::refresh);
  }
}

void Agent::take_settings(int exit_code) {
  Result<AgentSettings> read = parse_settings(child_->output());
  if (exit_code != 0 || !read) {
    log_.write(Log::Level::error,
               std::string("the configuration was not taken over") +
                   (settings_known_ ? "; the old one stays in force: " : ": ") +
                   (exit_code != 0 ? first_line(child_->output()) : read.error().detail));
    failed_ = !settings_known_;
    return;
  }
  const bool first = !settings_known_;
  const bool moved = first || read->hosts_path != settings_.hosts_path;
  settings_ = std::move(*read);
  settings_known_ = true;
  if (moved) {
    watch_.reset();
    Result<FileWatch> watch = FileWatch::open(settings_.hosts_path);
    if (watch) {
      watch_.emplace(std::move(*watch));
    } else {
      log_.write(Log::Level::warning, watch.error().detail + "; changes are found once a minute");
    }
  }
  want_apply_ = true;
  refresh_at_ = now() + random_up_to(settings_.refresh_splay);
  if (!first) log_.write(Log::Level::info, "the configuration was read again");
}

/// One line each time that what a task says changes: a log that repeats itself hides what is new.
void Agent::report_task(Task task, int exit_code) {
  std::string& last = task == Task::apply ? last_apply_words_ : last_refresh_words_;
  const std::string words = std::to_string(exit_code) + child_->output();
  if (words == last) return;
  last = words;
  const Log::Level level = exit_code == 0   ? Log::Level::info
                           : exit_code == 1 ? Log::Level::warning
                                            : Log::Level::error;
  std::string_view rest = child_->output();
  if (rest.empty()) log_.write(level, "a pass ended with exit code " + std::to_string(exit_code));
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    log_.write(level, rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  notify_service_manager("STATUS=" + first_line(child_->output()));
}

void Agent::schedule_refresh(int exit_code) {
  if (exit_code <= 1) {
    refresh_failures_ = 0;
    const milliseconds spread = std::min(settings_.refresh_splay, settings_.refresh_interval / 4);
    refresh_at_ = now() + settings_.refresh_interval + random_up_to(spread);
    return;
  }
  // Full jitter: a fleet whose source is gone must not come back as one wave.
  const int doublings = std::min(refresh_failures_++, 10);
  refresh_at_ = now() +
                random_up_to(std::min(settings_.refresh_interval, kRetryFirst * (1 << doublings))) +
                milliseconds(200);
}

void Agent::end_task(int exit_code) {
  switch (task_) {
    case Task::settings:
      take_settings(exit_code);
      break;
    case Task::apply:
      report_task(Task::apply, exit_code);
      apply_at_ = now() + kSweep;
      if (!ready_) {
        ready_ = true;
        notify_service_manager("READY=1");
      }
      break;
    case Task::refresh:
      report_task(Task::refresh, exit_code);
      schedule_refresh(exit_code);
      break;
  }
  child_.reset();
  if (watch_ && task_ != Task::settings) {
    watch_->rearm();
    settled_ = watch_->stamp();
    // Somebody may have edited what the pass had just written: the next one puts it right, or finds
    // nothing to do.
    if (settled_ != before_task_) apply_at_ = std::min(apply_at_, now() + kDebounce);
  }
}

void Agent::take_signals() {
  signalfd_siginfo info{};
  while (read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    switch (info.ssi_signo) {
      case SIGTERM:
      case SIGINT:
        stopping_ = true;
        notify_service_manager("STOPPING=1");
        break;
      case SIGHUP:
        want_settings_ = true;
        break;
      case SIGUSR1:
        want_refresh_ = true;
        break;
      default:
        break;  // SIGCHLD: poll_exit() looks
    }
  }
}

void Agent::take_file_events(bool mounts_changed) {
  if (!watch_) return;
  const bool concerned = watch_->drain() || mounts_changed;
  // Our own writing raises events too; the stamp taken after it tells them from others'.
  if (!concerned || watch_->stamp() == settled_) return;
  apply_at_ = std::min(apply_at_, now() + kDebounce);
}

Agent::Time Agent::next_wake_up() const {
  if (child_) return std::min(task_deadline_, watchdog_ ? watchdog_at_ : task_deadline_);
  Time next = apply_at_;
  if (settings_.has_sources) next = std::min(next, refresh_at_);
  if (watchdog_) next = std::min(next, watchdog_at_);
  return next;
}

void Agent::feed_watchdog() {
  if (!watchdog_ || now() < watchdog_at_) return;
  notify_service_manager("WATCHDOG=1");
  watchdog_at_ = now() + *watchdog_;
}

void Agent::wait() {
  std::array<pollfd, 4> fds{};
  fds[0] = {signals_, POLLIN, 0};
  fds[1] = {child_ && !output_ended_ ? child_->output_fd() : -1, POLLIN, 0};
  fds[2] = {watch_ ? watch_->events_fd() : -1, POLLIN, 0};
  fds[3] = {watch_ ? watch_->mounts_fd() : -1, POLLPRI, 0};
  const auto left = std::chrono::ceil<milliseconds>(next_wake_up() - now());
  const auto timeout = std::clamp<std::int64_t>(left.count(), 0, 3600000);
  if (poll(fds.data(), fds.size(), static_cast<int>(timeout)) < 0)
    return;  // EINTR: the loop comes again

  if (fds[0].revents != 0) take_signals();
  if (fds[1].revents != 0) output_ended_ = child_->read_output();
  if (fds[2].revents != 0 || fds[3].revents != 0) take_file_events((fds[3].revents & POLLPRI) != 0);
}

bool Agent::start() {
  if (!block_signals()) {
    log_.write(Log::Level::error, std::string("cannot take signals: ") + std::strerror(errno));
    return false;
  }
  const Time begin = now();
  apply_at_ = begin + kSweep;
  refresh_at_ = begin + kSweep;
  watchdog_at_ = begin;
  return true;
}

int Agent::run() {
  if (!start()) return static_cast<int>(ExitCode::unknown);
  while (!failed_) {
    start_next_task();
    if (stopping_) {
      // A pass that is running may finish: it holds the lock for milliseconds. The network half may
      // not.
      if (child_ && task_ == Task::refresh) child_->terminate();
      if (!child_) break;
    }
    wait();
    feed_watchdog();
    if (child_) {
      if (const std::optional<int> code = child_->poll_exit()) {
        (void)child_->read_output();
        end_task(*code);
      } else if (now() >= task_deadline_) {
        log_.write(Log::Level::error, "a pass did not end in time and was killed");
        child_->kill();
        task_deadline_ = now() + kApplyLimit;
      }
    }
    if (child_ || stopping_) continue;
    if (now() >= apply_at_) {
      want_apply_ = true;
      apply_at_ = now() + kSweep;
    }
    if (settings_.has_sources && now() >= refresh_at_) {
      want_refresh_ = true;
      refresh_at_ = now() + settings_.refresh_interval;
    }
  }
  return static_cast<int>(failed_ ? ExitCode::unknown : ExitCode::ok);
}

ExitCode command_agent(Env& env, const CommonOptions& options) {
  Log log(options.verbose);
  return static_cast<ExitCode>(Agent(env, options, log).run());
}

ExitCode command_agent_settings(Env& env, const CommonOptions& options) {
  Result<Context> context = make_context(env, options);
  if (!context) {
    env.console.error(context.error());
    return ExitCode::unknown;
  }
  AgentSettings settings;
  settings.refresh_interval = context->config.refresh_interval;
  settings.refresh_splay = context->config.refresh_splay;
  settings.refresh_deadline = context->config.refresh_deadline;
  settings.has_sources = !context->config.sources.empty();
  settings.hosts_path =
      options.root == "/" ? context->config.hosts_path : options.root + context->config.hosts_path;
  env.console.print(format_settings(settings));
  return ExitCode::ok;
}

}  // namespace hostspin
