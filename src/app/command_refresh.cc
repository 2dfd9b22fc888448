#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "hostspin/time_text.h"
#include "lock.h"
#include "output.h"
#include "pass_record.h"
#include "probing.h"
#include "resolver_view.h"
#include "service_changes.h"
#include "update_cycle.h"

namespace hostspin {
namespace {

Result<Applied> apply_locked(Context& context, Standing& standing) {
  Result<Standing> renewed = take_standing(context);
  if (!renewed) return std::move(renewed).error();
  standing = std::move(*renewed);
  // The agent's is not who says refresh by hand, and means it.
  if (context.options.for_agent && back_off(context) > std::chrono::milliseconds::zero()) {
    return preview_standing(context, standing);
  }
  Result<Applied> applied = apply_standing(context, standing);
  if (applied) tidy_state(context, standing);
  return applied;
}

Result<Applied> preview_what_is_held(Context& context, Standing& standing) {
  Result<Standing> taken = read_standing(context);
  if (!taken) return std::move(taken).error();
  standing = std::move(*taken);
  Result<Applied> applied = preview_standing(context, standing);
  if (applied) rehearse_pass(context, *applied);
  return applied;
}

/// S4 before any network: what is held already is put right first, and booked.
Result<Applied> apply_what_is_held(Context& context, Standing& standing, bool dry_run) {
  if (dry_run) return preview_what_is_held(context, standing);
  Env& env = context.env;
  Result<Lock> lock = Lock::take(env.fs, env.clock, context.options.root, kLockLimit);
  if (!lock) {
    record_failed_pass(env, context.options, nullptr, lock.error());
    return std::move(lock).error();
  }
  Result<Applied> applied = apply_locked(context, standing);
  if (applied) {
    record_pass(context, standing, *applied);
  } else {
    record_failed_pass(env, context.options, &context, applied.error());
  }
  return applied;
}

/// A new root may say something else of a block whose manifest is lost. That the header names
/// another root is no reason to write at once.
Result<Applied> apply_under_new_root(Context& context, Standing& standing, bool dry_run) {
  Result<Applied> preview = preview_standing(context, standing);
  if (preview && dry_run) rehearse_pass(context, *preview);
  if (!preview || preview->plan.is_right() || dry_run) return preview;
  return apply_what_is_held(context, standing, false);
}

Json sources_json(const CycleReport& report) {
  Json sources = Json::array();
  for (const EndpointReport& endpoint : report.endpoints) {
    sources.push_back({{"source", endpoint.label},
                       {"confirmed", endpoint.confirmed},
                       {"lagging", endpoint.lagging},
                       {"refused", endpoint.refused},
                       {"root_refused", endpoint.root_refused},
                       {"failed", endpoint.failed}});
  }
  return sources;
}

/// One line a source that was not fine. The one that the error line is about is not said twice.
void warn_about_sources(Env& env, const CycleReport& report) {
  for (const EndpointReport& endpoint : report.endpoints) {
    for (const std::string* why : {&endpoint.refused, &endpoint.root_refused, &endpoint.failed}) {
      if (why->empty()) continue;
      const std::string line = endpoint.label + ": " + *why;
      if (report.error && report.error->detail.ends_with(line)) continue;
      env.console.warning(line);
    }
  }
}

std::string rehearsal_words(bool dry_run) { return dry_run ? "dry run: " : ""; }

/// That the file would change, where the verdict does not say so: nothing was written.
std::string rewrite_words(const Context& context, const Applied& shown, bool dry_run) {
  if (!dry_run || shown.is_held || !shown.plan.changes) return "";
  return "; " + context.config.hosts_path + " would be written";
}

/// Said before all else: whatever became of the cycle, the pins are not of the manifest it names.
std::string lost_words(const Context& context, const Applied& applied) {
  if (!applied.state_lost) return "";
  if (const Result<void> readable = context.store.check_readable(); !readable) {
    return readable.error().detail + ", the block is kept: ";
  }
  return "state-lost, the block of a newer manifest is kept: ";
}

/// What waits for its turn; nothing where nothing does.
std::string scheduled_words(const CycleReport& report) {
  if (!report.scheduled) return "";
  return "; manifest " + std::to_string(report.scheduled->version) + " is scheduled for " +
         format_utc(report.scheduled->adopts_at) + " (staged rollout)";
}

std::string verdict_words(const CycleReport& report, const Standing& standing, bool dry_run) {
  std::string held = standing.current
                         ? "manifest " + std::to_string(standing.current->manifest().version)
                         : "no manifest";
  switch (report.outcome) {
    case CycleOutcome::adopted:
      return (dry_run ? "would adopt " : "adopted ") + held + " of fleet " + standing.root().fleet +
             scheduled_words(report);
    case CycleOutcome::confirmed:
      return held + " is current";
    case CycleOutcome::scheduled:
      return held + " is held" + scheduled_words(report);
    case CycleOutcome::root_expired:
      return "root-expired: nothing can be adopted; " + held + " is kept";
    case CycleOutcome::refused:
    case CycleOutcome::failed:
      if (report.disowned)
        return held + " was adopted, and is not admitted by a root that came later";
      if (report.not_written) return held + " was adopted, but is not in the hosts file yet";
      return "nothing adopted or confirmed; " + held + " is kept";
  }
  return held;
}

/// That the root has expired may be this machine's clock's doing, and its successor may lie where
/// nobody could be asked: then "publish a new root" is the wrong advice.
void advise_on_expired_root(const Standing& standing, std::chrono::sys_seconds clock,
                            CycleReport& report) {
  if (!report.error || report.error->code != Errc::root_expired) return;
  constexpr std::chrono::days kNobodyWaitsSoLong{366};
  const bool asked_nobody =
      std::none_of(report.endpoints.begin(), report.endpoints.end(),
                   [](const EndpointReport& endpoint) { return endpoint.failed.empty(); });
  if (clock < standing.now || standing.now - standing.root().expires > kNobodyWaitsSoLong) {
    report.error->hint = "look at this machine's clock first, it says " + format_utc(clock) +
                         "; only where it is right is a new root missing";
  } else if (asked_nobody) {
    report.error->hint =
        "no source could be asked, and they may have a new root already: mend the way to them "
        "first, or bring it with 'hostspin refresh --from PATH'";
  }
}

ExitCode cycle_code(const CycleReport& report) {
  switch (report.outcome) {
    case CycleOutcome::adopted:
    case CycleOutcome::confirmed:
    case CycleOutcome::scheduled:
      return report.all_fine() ? ExitCode::ok : ExitCode::attention;
    case CycleOutcome::root_expired:
    case CycleOutcome::refused:
      return ExitCode::critical;
    case CycleOutcome::failed:
      return report.error ? exit_code_for(report.error->code) : ExitCode::critical;
  }
  return ExitCode::critical;
}

/// What else needs attention does not better a cycle that could not be judged.
ExitCode end_with(ExitCode found, ExitCode cycle) {
  const bool prevails = cycle == ExitCode::unknown && found != ExitCode::critical;
  return prevails ? cycle : graver(found, cycle);
}

/// What an adoption has brought; nothing after any other outcome.
std::vector<ServiceChange> changes_of(const CycleReport& report, const Standing& standing) {
  if (report.outcome != CycleOutcome::adopted || !standing.current) return {};
  const Manifest* before = report.replaced ? &report.replaced->manifest() : nullptr;
  return service_changes(before, standing.current->manifest());
}

/// After an adoption what has changed is probed. The result is told, and never acted on.
ExitCode probe_changes(Context& context, const std::vector<ServiceChange>& changes,
                       const Standing& standing, std::vector<std::string>& warnings) {
  std::vector<std::string> changed;
  for (const ServiceChange& change : changes) {
    if (change.kind != ServiceChange::Kind::removed) changed.push_back(change.service);
  }
  if (changed.empty()) return ExitCode::ok;
  const Probed probes = probe_manifest(context, standing.current->manifest(), changed,
                                       context.config.verify_deadline);
  ExitCode code = ExitCode::ok;
  if (!probes.failure.empty()) {
    warnings.push_back("the probe of what changed failed: " + probes.failure);
    code = ExitCode::attention;
  }
  for (const AddressReport& check : probes.report.checks) {
    if (!is_down(check.result)) continue;
    warnings.push_back(check.service + " " + check.address.to_string() + " " +
                       check.check.identity(check.service) + ": " +
                       std::string(verdict_name(check.result.verdict)) + ": " +
                       std::string(verdict_words(check.result.verdict)));
    code = ExitCode::attention;
  }
  return code;
}

/// What was written is of use only if look-ups see it. Those of another root, or of whom another
/// file is for, are not ours.
ExitCode check_look_ups(Context& context, const Applied& applied,
                        std::vector<std::string>& warnings) {
  const bool ours = context.options.root == "/" && context.config.hosts_path == kSystemHostsPath;
  if (!applied.outcome.written || !ours) return ExitCode::ok;
  const Result<std::vector<std::string>> troubles = check_resolver(context, applied.pins);
  // Without a glibc there is nothing here that NSS could mislead.
  if (!troubles && troubles.error().code == Errc::not_found) return ExitCode::ok;
  if (!troubles) {
    warnings.push_back("this machine's resolver could not be asked: " + troubles.error().detail);
    return ExitCode::attention;
  }
  for (const std::string& trouble : *troubles) {
    warnings.push_back("this machine's resolver does not see the pin of " + trouble);
  }
  return troubles->empty() ? ExitCode::ok : ExitCode::attention;
}

/// There is nobody to ask. What is held is kept in place all the same, and where it is whole that
/// is worth a warning, not a unit that failed.
ExitCode refresh_without_sources(Context& context, bool dry_run) {
  Env& env = context.env;
  const Error no_sources{Errc::no_sources, "no source is configured"};
  Standing standing;
  const Result<Applied> applied = apply_what_is_held(context, standing, dry_run);
  if (!applied) return fail(env, context.options, "refresh", applied.error());
  ApplyReport report = report_apply(context, standing, *applied);
  if (applied->state_lost) {
    return finish(env, context.options, "refresh", ExitCode::critical,
                  rehearsal_words(dry_run) + report.verdict + "; no source is configured",
                  no_sources,
                  {{"outcome", code_name(no_sources.code)}, {"block", block_json(*applied)}});
  }
  if (!standing.current || report.code == ExitCode::critical) {
    return fail(env, context.options, "refresh", no_sources);
  }
  report.warnings.push_back("no source is configured, so no newer manifest can be fetched");
  for (const std::string& warning : report.warnings) env.console.warning(warning);
  return finish(env, context.options, "refresh", graver(report.code, ExitCode::attention),
                rehearsal_words(dry_run) + held_words(*applied) +
                    "no source is configured; manifest " +
                    std::to_string(standing.current->manifest().version) + " stays in force" +
                    rewrite_words(context, *applied, dry_run),
                std::nullopt,
                {{"outcome", code_name(no_sources.code)},
                 {"roots_added", 0},
                 {"manifest", manifest_json(standing)},
                 {"changes", Json::array()},
                 {"block", block_json(*applied)},
                 {"sources", Json::array()},
                 {"warnings", report.warnings}});
}

}  // namespace

ExitCode command_refresh(Env& env, const CommonOptions& options, const RefreshOptions& refresh) {
  Result<Context> context = make_context(env, options);
  if (!context) {
    if (!refresh.dry_run) record_failed_pass(env, options, nullptr, context.error());
    return fail(env, options, "refresh", context.error());
  }
  if (context->config.sources.empty() && refresh.from.empty()) {
    return refresh_without_sources(*context, refresh.dry_run);
  }
  Standing standing;
  Result<Applied> applied = apply_what_is_held(*context, standing, refresh.dry_run);
  if (!applied) return fail(env, options, "refresh", applied.error());

  env.console.progress("asking the sources");
  Result<CycleReport> cycle = run_update_cycle(
      *context, standing, CycleRequest{refresh.from, refresh.now, refresh.dry_run});
  env.console.end_progress();
  if (!cycle) {
    if (!refresh.dry_run) record_failed_refresh(*context, cycle.error());
    const ExitCode found = report_apply(*context, standing, *applied).code;
    return finish(env, options, "refresh", end_with(found, exit_code_for(cycle.error().code)),
                  "refresh could not be done: " + cycle.error().detail, cycle.error());
  }
  if (cycle->roots_added > 0 && !cycle->applied) {
    applied = apply_under_new_root(*context, standing, refresh.dry_run);
    if (!applied) return fail(env, options, "refresh", applied.error());
  }
  advise_on_expired_root(standing, system_time(env), *cycle);
  if (!refresh.dry_run) record_refresh(*context, standing, *cycle, !refresh.from.empty());

  const std::vector<ServiceChange> changes = changes_of(*cycle, standing);
  const Applied& shown = cycle->applied ? *cycle->applied : *applied;
  ApplyReport report = report_apply(*context, standing, shown);
  warn_about_sources(env, *cycle);
  report.code = graver(report.code, check_look_ups(*context, shown, report.warnings));
  report.code = graver(report.code, probe_changes(*context, changes, standing, report.warnings));
  report.code = end_with(report.code, cycle_code(*cycle));
  for (const std::string& warning : report.warnings) env.console.warning(warning);
  const std::string counted = count_changes(changes);
  const std::string verdict =
      rehearsal_words(refresh.dry_run) + held_words(shown) + lost_words(*context, shown) +
      verdict_words(*cycle, standing, refresh.dry_run) + (counted.empty() ? "" : ": " + counted) +
      rewrite_words(*context, shown, refresh.dry_run) + attention_words(report.warnings.size());
  (void)finish(env, options, "refresh", report.code, verdict, cycle->error,
               {{"outcome", cycle_outcome_name(cycle->outcome)},
                {"dry_run", refresh.dry_run},
                {"roots_added", cycle->roots_added},
                {"manifest", manifest_json(standing)},
                {"changes", changes_json(changes)},
                {"block", block_json(shown)},
                {"sources", sources_json(*cycle)},
                {"warnings", report.warnings}});
  if (options.format == OutputFormat::text) env.console.print(list_changes(changes));
  return report.code;
}

}  // namespace hostspin
