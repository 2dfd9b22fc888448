#include "pass_record.h"

#include <array>
#include <span>

#include "agent_settings.h"
#include "alarm_telling.h"
#include "events.h"
#include "lock.h"
#include "metrics.h"
#include "pass_files.h"
#include "pass_findings.h"
#include "replace_file.h"
#include "scheduled_note.h"
#include "telemetry.h"

namespace hostspin {
namespace {

constexpr std::array kFailedPassAlarms{EventKind::block_not_written};
constexpr std::array kFailedRefreshAlarms{EventKind::refresh_failed};
constexpr std::array kConfigurationAlarms{EventKind::configuration_refused};
constexpr std::array kProbedAlarms{EventKind::address_down};
constexpr std::array kFailedProbeAlarms{EventKind::probe_failed};

/// The name of a running process; empty where there is none with that number.
std::string read_process_name(FileSystem& fs, std::int64_t pid) {
  if (pid <= 0) return {};
  constexpr std::size_t kNameBytesMax = 64;
  Result<std::optional<std::string>> name =
      read_file(fs, "/", "/proc/" + std::to_string(pid) + "/comm", kNameBytesMax);
  if (!name || !*name) return {};
  return (*name)->substr(0, (*name)->find('\n'));
}

/// Zeroes where none runs: what a killed agent left must not pass for a running one.
AgentPresence running_agent(Env& env, const CommonOptions& options) {
  const AgentPresence agent = parse_presence(run_text(env, options, kAgentFile));
  return read_process_name(env.fs, agent.pid) == "hostspin" ? agent : AgentPresence();
}

/// Judges alarms, tells what has begun and ended, and brings the metrics up to date.
void close_books(Context& context, Books books, const ProbeBook& probes, bool lock) {
  const AlarmBook alarms = tell_alarms(context.env, context.options, books, lock);
  write_metrics(context, Metrics{books.telemetry, alarms, probes});
}

void close_books(Context& context, Books books, bool lock) {
  store_telemetry(context, books.telemetry);
  close_books(context, std::move(books), load_probes(context), lock);
}

/// Another pass is at it. For the supervisor, who knows for how long that has been so.
void hint_busy(Env& env, const CommonOptions& options) {
  give_hint(env, options, "busy", Lock::holder(env.fs, options.root));
}

/// The lock, as far as it can be had: without it no alarm is judged, and the telemetry of two
/// passes might mix, which costs no more than a count.
std::optional<Lock> lock_books(Env& env, const CommonOptions& options) {
  Result<Lock> lock = Lock::take(env.fs, env.clock, options.root, kLockLimit);
  if (lock) return std::optional<Lock>(std::move(*lock));
  if (lock.error().code == Errc::busy) hint_busy(env, options);
  env.console.note("a pass is booked without the lock: " + lock.error().detail);
  return std::nullopt;
}

/// Counts a repair, or peace.
void book_reverts(Context& context, const Applied& applied, bool drifted, Books& books) {
  const std::int64_t now = steady_ms(context.env);
  Reverts reverts = load_reverts(context);
  if (drifted) {
    reverts.note(now, applied.writer);
  } else if (books.telemetry.facts.in_sync) {
    reverts.settle(now);
  }
  store_book(context, kRevertsFile, reverts);  // without it nobody backs off, at worst
  give_hint(context.env, context.options, "back_off_ms", reverts.back_off(now).count());
  if (!reverts.is_fight()) return;
  const std::string& path = context.config.hosts_path;
  books.alarms.push_back({EventKind::writer_fight,
                          "",
                          reverts.writer() + " keeps taking the block out of " + path +
                              "; it is put back ever more seldom",
                          {{"HOSTSPIN_PATH", path}, {"HOSTSPIN_WRITER", reverts.writer()}}});
}

/// The mark of the block that was last seen right is kept in /run as well: with a state directory
/// that cannot be written no removal would be a drift, and a fight would never be one.
std::string load_mark(Context& context, Telemetry& telemetry) {
  std::string mark = run_text(context.env, context.options, kBlockFile);
  if (!mark.empty()) telemetry.block_mark = mark;
  return mark;
}

bool record_drift(Context& context, const Standing& standing, const Applied& applied,
                  bool is_adoption, Telemetry& telemetry) {
  Env& env = context.env;
  const std::string mark = load_mark(context, telemetry);
  const bool drifted = record_apply(telemetry, standing, applied, is_adoption, wall(env));
  if (telemetry.block_mark != mark) {
    (void)store_text(env, context.options, kBlockFile, telemetry.block_mark);  // best effort
  }
  return drifted;
}

/// What is not looked at any more cannot be found over later. Judged by every pass, since what
/// began under an earlier configuration may book its end after the new one was read.
void judge_what_is_idle(Context& context, const ProbeBook& probes, Books& books) {
  const Config& config = context.config;
  // This pass has read the files and found them good. An agent that runs has yet to.
  const CommonOptions& options = context.options;
  const bool is_live = !options.for_agent && options.config_file.empty();
  if (is_live && running_agent(context.env, options).pid == 0) books.judge(kConfigurationAlarms);
  if (config.sources.empty()) books.judge(kRefreshAlarms);
  if (probes.last_round() == 0) books.judge(kProbedAlarms);
  if (probes.last_attempt() == 0) books.judge(kFailedProbeAlarms);
}

/// True where another program had altered the block.
bool book_applied(Context& context, const Standing& standing, const Applied& applied,
                  bool is_adoption, Books& books) {
  Env& env = context.env;
  const bool drifted = record_drift(context, standing, applied, is_adoption, books.telemetry);
  if (applied.outcome.written) {
    // For path units of the administrator's own, which reload what reads the file only once.
    const std::string text = "version=" + std::to_string(books.telemetry.facts.version) + "\n";
    if (Result<void> touched = write_run_file(env.fs, context.options.root, kChangedFile, text);
        !touched) {
      env.console.note(touched.error().detail);
    }
  }
  book_manifest(standing, applied, books);
  book_file(context, applied, drifted, books);
  book_reverts(context, applied, drifted, books);
  give_hint(env, context.options, "in_sync", books.telemetry.facts.in_sync ? 1 : 0);
  return drifted;
}

}  // namespace

std::chrono::milliseconds back_off(Context& context) {
  return load_reverts(context).back_off(steady_ms(context.env));
}

Watch look_at_watch(Context& context) {
  Env& env = context.env;
  Watch watch;
  const Reverts reverts = load_reverts(context);
  watch.backs_off = reverts.back_off(steady_ms(env));
  if (reverts.is_fight()) watch.fights_with = reverts.writer();
  watch.alarms = AlarmBook::parse(run_text(env, context.options, kAlarmsFile));
  watch.probes = load_probes(context);

  const AgentPresence agent = running_agent(env, context.options);
  watch.agent_pid = agent.pid;
  watch.next_refresh = agent.next_refresh;
  watch.next_probe = agent.next_probe;
  return watch;
}

void record_pass(Context& context, const Standing& standing, Applied& applied) {
  sweep_run_files(context.env.fs, context.options.root);
  Books books{load_telemetry(context), {}, {}, {}, {}};
  applied.repaired = book_applied(context, standing, applied, false, books);
  const ProbeBook probes = load_probes(context);
  judge_what_is_idle(context, probes, books);
  store_telemetry(context, books.telemetry);
  close_books(context, std::move(books), probes, true);
}

void rehearse_pass(Context& context, Applied& applied) {
  Telemetry telemetry = load_telemetry(context);
  (void)load_mark(context, telemetry);
  applied.repaired = !applied.is_held && applied.plan.changes && was_altered(telemetry, applied);
}

void record_failed_pass(Env& env, const CommonOptions& options, Context* context,
                        const Error& error) {
  if (error.code == Errc::busy) return hint_busy(env, options);  // it books what it finds
  const std::string code(code_name(error.code));
  Books books;
  books.judge(kFailedPassAlarms);
  books.alarms.push_back(
      {EventKind::block_not_written, code, error.detail, {{"HOSTSPIN_CODE", code}}});
  if (context != nullptr) {
    books.telemetry = load_telemetry(*context);
    books.telemetry.facts.state =
        error.code == Errc::no_trust_root ? "no_trust_root" : "not_written";
    books.telemetry.facts.in_sync = false;
    return close_books(*context, std::move(books), true);
  }
  const std::optional<Lock> lock = lock_books(env, options);
  (void)tell_alarms(env, options, books, lock.has_value());
}

void forget_block(Context& context) {
  Telemetry telemetry = load_telemetry(context);
  if (!telemetry.block_mark.empty()) {
    telemetry.block_mark.clear();
    store_telemetry(context, telemetry);
  }
  if (run_text(context.env, context.options, kBlockFile).empty()) return;
  (void)store_text(context.env, context.options, kBlockFile, "");  // best effort
}

void record_configuration(Env& env, const CommonOptions& options, const Result<Context>& context) {
  // Where nothing is booked, nothing can be over.
  if (context && run_text(env, options, kAlarmsFile).empty()) return;
  const std::optional<Lock> lock = lock_books(env, options);
  Books books;
  books.judge(kConfigurationAlarms);
  if (!context) {
    const Error& error = context.error();
    books.alarms.push_back({EventKind::configuration_refused,
                            "",
                            "it was not taken over: " + error.detail,
                            {{"HOSTSPIN_CODE", std::string(code_name(error.code))}}});
  }
  (void)tell_alarms(env, options, books, lock.has_value());
}

void record_adoption(Context& context, const Standing& standing, const Adopted& adopted,
                     const Manifest* before) {
  Books books{load_telemetry(context), {}, {}, {}, {}};
  book_adoption(standing, before, books);
  if (adopted.applied) (void)book_applied(context, standing, *adopted.applied, true, books);
  close_books(context, std::move(books), true);
  if (adopted.not_written) {
    record_failed_pass(context.env, context.options, &context, *adopted.not_written);
  }
}

void record_refresh(Context& context, const Standing& standing, const CycleReport& report,
                    bool by_hand) {
  const std::optional<Lock> lock = lock_books(context.env, context.options);
  Books books{load_telemetry(context), {}, {}, {}, {}};
  const std::int64_t waited_for = books.telemetry.scheduled_version;
  record_cycle(books.telemetry, standing, report, by_hand, wall(context.env));
  book_cycle_events(standing, report, waited_for, books);
  book_sources(report, books);
  book_root(standing, books);
  books.new_root = report.roots_added > 0;
  if (!by_hand) keep_scheduled_note(context, books.telemetry, report);
  if (by_hand) books.asked = report.endpoints.front().label;
  const std::int64_t adopts_at = books.telemetry.adopts_at;
  close_books(context, std::move(books), lock.has_value());
  if (adopts_at != 0) {
    give_hint(context.env, context.options, "adopt_in_s", adopts_at - wall(context.env));
  }
}

void record_failed_refresh(Context& context, const Error& error) {
  const std::optional<Lock> lock = lock_books(context.env, context.options);
  const std::string code(code_name(error.code));
  Books books{load_telemetry(context), {}, {}, {}, {}};
  record_failed_cycle(books.telemetry, code, wall(context.env));
  books.judge(kFailedRefreshAlarms);
  books.alarms.push_back({EventKind::refresh_failed, "", error.detail, {{"HOSTSPIN_CODE", code}}});
  close_books(context, std::move(books), lock.has_value());
}

void record_probes(Context& context, const ProbeReport& report, bool is_whole) {
  const std::optional<Lock> lock = lock_books(context.env, context.options);
  ProbeBook probes = load_probes(context);
  probes.note(report, wall(context.env));
  store_book(context, kProbesFile, probes, kProbeBookBytesMax);  // counted anew, at worst
  Books books{load_telemetry(context), {}, {}, {}, {}};
  books.judge(kProbedAlarms);
  if (is_whole) books.judge(kFailedProbeAlarms);  // else that one goes on
  for (const ProbedCheck& check : probes.checks()) {
    if (!check.alarming) continue;
    books.alarms.push_back(
        {EventKind::address_down,
         check.service + " " + check.address + " " + check.check,
         check.detail.empty() ? check.verdict : check.verdict + ": " + check.detail,
         {{"HOSTSPIN_SERVICE", check.service},
          {"HOSTSPIN_ADDRESS", check.address},
          {"HOSTSPIN_CHECK", check.check},
          {"HOSTSPIN_VERDICT", check.verdict}}});
  }
  close_books(context, std::move(books), probes, lock.has_value());
}

void record_failed_probes(Context& context, const Error& error) {
  const std::optional<Lock> lock = lock_books(context.env, context.options);
  ProbeBook probes = load_probes(context);
  probes.note_failure(wall(context.env));
  store_book(context, kProbesFile, probes, kProbeBookBytesMax);
  Books books{load_telemetry(context), {}, {}, {}, {}};
  books.judge(kFailedProbeAlarms);
  books.alarms.push_back({EventKind::probe_failed,
                          "",
                          error.detail,
                          {{"HOSTSPIN_CODE", std::string(code_name(error.code))}}});
  close_books(context, std::move(books), probes, lock.has_value());
}

}  // namespace hostspin
