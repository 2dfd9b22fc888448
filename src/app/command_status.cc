#include <algorithm>

#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "hostspin/time_text.h"
#include "output.h"
#include "pass_record.h"
#include "telemetry.h"
#include "verify_report.h"

namespace hostspin {
namespace {

std::string when(std::int64_t seconds, std::chrono::sys_seconds now) {
  if (seconds == 0) return "never";
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  return format_utc(time) + " (" + format_span(now - time) + " ago)";
}

void print_line(Console& console, std::string_view label, const std::string& value) {
  std::string line(label);
  line.resize(16, ' ');
  console.print(line + value + "\n");
}

void print_manifest(Console& console, const Standing& standing) {
  const RootDocument& root = standing.root();
  print_line(console, "fleet", root.fleet);
  print_line(console, "trust root",
             "version " + std::to_string(root.version) + ", expires " + format_utc(root.expires));
  if (!standing.current) {
    print_line(console, "manifest", "none yet");
    return;
  }
  const Manifest& manifest = standing.current->manifest();
  const bool expired = standing.current->expired(standing.now);
  print_line(console, "manifest",
             "version " + std::to_string(manifest.version) + ", from " + standing.current_path);
  print_line(console, "issued", format_utc(manifest.issued));
  print_line(console, "expires", format_utc(manifest.expires) + (expired ? " (EXPIRED)" : ""));
  std::string signers;
  for (const VerifierKey& key : standing.current->signers()) {
    signers += (signers.empty() ? "" : ", ") + key.name();
  }
  print_line(console, "signed by", signers + (standing.rotated_keys ? " (ROTATED KEYS)" : ""));
}

/// A moment to come, or one that has passed unseen.
std::string until(std::int64_t seconds, std::chrono::sys_seconds now) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  return format_utc(time) + (time > now ? " (in " + format_span(time - now) + ")" : " (due)");
}

void print_sources(Console& console, const Telemetry& telemetry, std::chrono::sys_seconds now) {
  for (const Telemetry::SourceAttempt& source : telemetry.sources) {
    std::string line = source.label + ": " + source.outcome;
    if (!source.detail.empty()) line += ": " + source.detail;
    if (source.outcome != "ok") line += "; last fine: " + when(source.last_fine, now);
    print_line(console, "source", line);
  }
}

void print_telemetry(Console& console, const Telemetry& telemetry, std::chrono::sys_seconds now) {
  print_line(console, "last write", when(telemetry.last_write, now));
  print_line(console, "last refresh",
             when(telemetry.last_refresh_attempt, now) +
                 (telemetry.last_outcome.empty() ? "" : ": " + telemetry.last_outcome));
  print_line(console, "last success", when(telemetry.last_refresh_success, now));
  if (telemetry.last_refusal != 0) {
    print_line(console, "last refusal",
               when(telemetry.last_refusal, now) + ": " + telemetry.last_refusal_detail);
  }
  print_sources(console, telemetry, now);
  if (telemetry.scheduled_version != 0) {
    print_line(console, "scheduled",
               "manifest " + std::to_string(telemetry.scheduled_version) + " for " +
                   until(telemetry.adopts_at, now) + " (staged rollout)");
  }
  if (telemetry.drift_repairs > 0) {
    print_line(console, "drift", std::to_string(telemetry.drift_repairs) + " repairs");
  }
  for (auto drift = telemetry.drifts.rbegin(); drift != telemetry.drifts.rend(); ++drift) {
    print_line(console, "", when(drift->time, now) + ": " + drift->what + ", by " + drift->writer);
  }
}

void print_watch(Console& console, const Watch& watch, std::chrono::sys_seconds now) {
  print_line(console, "agent",
             watch.agent_pid == 0 ? "not running" : "process " + std::to_string(watch.agent_pid));
  if (watch.next_refresh != 0) {
    print_line(console, "next refresh", until(watch.next_refresh, now));
  }
  if (watch.backs_off.count() > 0) {
    print_line(console, "backing off",
               "from " + watch.fights_with + ", for " +
                   format_span(std::chrono::ceil<std::chrono::seconds>(watch.backs_off)));
  }
  const auto& checks = watch.probes.checks();
  if (watch.probes.last_round() != 0) {
    const auto down = std::count_if(checks.begin(), checks.end(),
                                    [](const ProbedCheck& check) { return check.alarming; });
    print_line(console, "probes",
               when(watch.probes.last_round(), now) + ": " + std::to_string(down) + " of " +
                   std::to_string(checks.size()) + " checks down");
  }
  for (const Alarm& alarm : watch.alarms.standing()) {
    std::string name(event_name(alarm.kind));
    if (!alarm.object.empty()) name += " " + alarm.object;
    print_line(console, "alarm", name + ", since " + when(alarm.since, now) + ": " + alarm.detail);
  }
}

/// "2 alarms: address_down, refresh_failed": a machine with one is not fine, whatever its file
/// says. That the file is held is said by itself.
std::string alarm_words(const Watch& watch) {
  constexpr std::size_t kNamesMax = 3;
  std::vector<std::string> names;
  std::size_t count = 0;
  for (const Alarm& alarm : watch.alarms.standing()) {
    if (alarm.kind == EventKind::held) continue;
    ++count;
    const std::string name(event_name(alarm.kind));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  if (count == 0) return "";
  std::string text = std::to_string(count) + (count == 1 ? " alarm: " : " alarms: ");
  for (std::size_t i = 0; i < std::min(names.size(), kNamesMax); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  return text + (names.size() > kNamesMax ? ", ..." : "");
}

Json telemetry_json(const Telemetry& telemetry) {
  Json sources = Json::array();
  for (const Telemetry::SourceAttempt& source : telemetry.sources) {
    sources.push_back({{"source", source.label},
                       {"outcome", source.outcome},
                       {"detail", source.detail},
                       {"last_fine", source.last_fine}});
  }
  Json drifts = Json::array();
  for (const Telemetry::DriftRepair& drift : telemetry.drifts) {
    drifts.push_back({{"time", drift.time}, {"what", drift.what}, {"writer", drift.writer}});
  }
  return {{"last_write", telemetry.last_write},
          {"last_refresh_attempt", telemetry.last_refresh_attempt},
          {"last_refresh_success", telemetry.last_refresh_success},
          {"last_outcome", telemetry.last_outcome},
          {"last_refusal", telemetry.last_refusal},
          {"last_refusal_detail", telemetry.last_refusal_detail},
          {"scheduled_version", telemetry.scheduled_version},
          {"adopts_at", telemetry.adopts_at},
          {"sources", std::move(sources)},
          {"refresh_failures", telemetry.refresh_failures},
          {"drift_repairs", telemetry.drift_repairs},
          {"last_drift", telemetry.drifts.empty() ? 0 : telemetry.drifts.back().time},
          {"drifts", std::move(drifts)}};
}

Json watch_json(const Watch& watch) {
  Json alarms = Json::array();
  for (const Alarm& alarm : watch.alarms.standing()) {
    alarms.push_back({{"alarm", event_name(alarm.kind)},
                      {"object", alarm.object},
                      {"detail", alarm.detail},
                      {"since", alarm.since}});
  }
  Json checks = Json::array();
  for (const ProbedCheck& check : watch.probes.checks()) {
    checks.push_back({{"service", check.service},
                      {"address", check.address},
                      {"check", check.check},
                      {"verdict", check.verdict},
                      {"up", check.up},
                      {"tried", check.tried},
                      {"alarm", check.alarming}});
  }
  return {{"running", watch.agent_pid != 0},
          {"pid", watch.agent_pid},
          {"next_refresh", watch.next_refresh},
          {"next_probe", watch.next_probe},
          {"back_off_ms", watch.backs_off.count()},
          {"fights_with", watch.fights_with},
          {"last_probe", watch.probes.last_round()},
          {"probes", std::move(checks)},
          {"alarms", std::move(alarms)}};
}

/// What can still be said where the trust root is missing or broken.
ExitCode status_without_root(Env& env, Context& context, const Error& error) {
  const Telemetry telemetry = load_telemetry(context);
  const Watch watch = look_at_watch(context);
  const Result<std::optional<std::string>> hold = context.store.hold_reason();
  const bool is_held = hold && hold->has_value();
  Json body = {
      {"held", is_held}, {"telemetry", telemetry_json(telemetry)}, {"agent", watch_json(watch)}};
  const ExitCode code = finish(env, context.options, "status", ExitCode::unknown, error.detail,
                               error, std::move(body));
  if (context.options.format == OutputFormat::text) {
    if (is_held) print_line(env.console, "held", hold->value().empty() ? "yes" : **hold);
    print_telemetry(env.console, telemetry, system_time(env));
    print_watch(env.console, watch, system_time(env));
  }
  return code;
}

/// What the hosts file has of the manifest's block, as a sentence.
std::string block_words(const std::string& manifest, const std::string& path, Drift drift) {
  const std::string block = "the block of " + manifest;
  switch (drift) {
    case Drift::none:
      return manifest + " is in " + path;
    case Drift::missing:
      return block + " is missing from " + path;
    case Drift::content:
      return block + " was altered in " + path;
    case Drift::layout:
      return block + " was re-formatted in " + path;
    case Drift::header:
      return "the block in " + path + " has another header than that of " + manifest;
  }
  return block + " is unknown";
}

/// Why the verdict is no OK, where no alarm says so.
std::string reason_words(const ApplyReport& report, const Watch& watch, const Applied& applied) {
  const bool is_told =
      !watch.alarms.standing().empty() || !applied.plan.is_right() || applied.nothing_held;
  return is_told || report.warnings.empty() ? "" : attention_words(report.warnings.size());
}

std::string file_words(const Applied& applied) {
  if (applied.state_lost) return "newer than any manifest on this machine (state-lost)";
  if (applied.nothing_held) return "no manifest to compare it with";
  if (applied.plan.is_right()) return "in step with the manifest";
  return std::string(drift_name(applied.plan.drift));
}

}  // namespace

ExitCode command_status(Env& env, const CommonOptions& options) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "status", context.error());
  Result<Standing> standing = read_standing(*context);
  // What cannot be read is not "never": nothing is said of it.
  if (!standing && standing.error().code == Errc::denied) {
    return fail(env, options, "status", standing.error());
  }
  if (!standing) return status_without_root(env, *context, standing.error());
  Result<Applied> applied = preview_standing(*context, *standing);
  if (!applied) return fail(env, options, "status", applied.error());

  ApplyReport report = report_apply(*context, *standing, *applied);
  if (const std::string clock = clock_words(system_time(env), standing->now); !clock.empty()) {
    report.warnings.push_back(clock);
    report.code = graver(report.code, ExitCode::attention);
  }
  std::string verdict = report.verdict;
  if (standing->current && !applied->state_lost) {
    const std::string name = "manifest " + std::to_string(standing->current->manifest().version) +
                             " of fleet " + standing->root().fleet;
    const Drift drift = applied->plan.drift;
    report.code = graver(report.code, pins_code(*applied));  // as verify judges it
    if (!applied->plan.is_right()) report.code = graver(report.code, ExitCode::attention);
    verdict = block_words(name, context->config.hosts_path, drift);
    if (applied->is_held) verdict = held_words(*applied) + verdict;
  }
  const Telemetry telemetry = load_telemetry(*context);
  const Watch watch = look_at_watch(*context);
  verdict += reason_words(report, watch, *applied);
  if (const std::string alarms = alarm_words(watch); !alarms.empty()) {
    report.code = graver(report.code, ExitCode::attention);
    verdict += "; " + alarms;
  }
  const ExitCode code = finish(env, options, "status", report.code, verdict, std::nullopt,
                               {{"manifest", manifest_json(*standing)},
                                {"block", block_json(*applied)},
                                {"held", applied->is_held},
                                {"hold_reason", applied->held},
                                {"telemetry", telemetry_json(telemetry)},
                                {"agent", watch_json(watch)},
                                {"warnings", report.warnings}});
  if (options.format != OutputFormat::text) return code;
  print_manifest(env.console, *standing);
  print_line(env.console, "hosts file", context->config.hosts_path + ": " + file_words(*applied));
  if (applied->is_held) {
    print_line(env.console, "held", applied->held.empty() ? "yes" : applied->held);
  }
  print_telemetry(env.console, telemetry, standing->now);
  print_watch(env.console, watch, standing->now);
  for (const std::string& warning : report.warnings) env.console.warning(warning);
  return code;
}

}  // namespace hostspin
