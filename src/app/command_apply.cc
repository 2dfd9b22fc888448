#include <filesystem>

#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "hostspin/time_text.h"
#include "lock.h"
#include "output.h"
#include "pass_record.h"
#include "service_changes.h"
#include "telemetry.h"

namespace hostspin {
namespace {

/// The pass of `apply`. Where nobody looks on, a block that somebody keeps reverting is left alone
/// until the back-off is over.
Result<Applied> pass(Context& context, Standing& standing, bool unattended) {
  Result<Standing> taken = take_standing(context);
  if (!taken) return std::move(taken).error();
  standing = std::move(*taken);
  if (unattended && back_off(context) > std::chrono::milliseconds::zero()) {
    return preview_standing(context, standing);
  }
  Result<Applied> applied = apply_standing(context, standing);
  if (applied) tidy_state(context, standing);
  return applied;
}

/// The pass and its record under the lock, which is given back before anything is said of them:
/// whoever reads that may take his time.
Result<Applied> pass_locked(Context& context, Standing& standing, bool unattended) {
  const Result<Lock> lock =
      Lock::take(context.env.fs, context.env.clock, context.options.root, kLockLimit);
  if (!lock) {
    record_failed_pass(context.env, context.options, nullptr, lock.error());
    return lock.error();
  }
  Result<Applied> applied = pass(context, standing, unattended);
  if (applied)
    record_pass(context, standing, *applied);
  else
    record_failed_pass(context.env, context.options, &context, applied.error());
  return applied;
}

/// Puts the manifest of a note in the place of the current one, if a cycle would adopt it.
Result<void> take_offer(Context& context, Standing& standing, const std::string& file) {
  const std::string path = std::filesystem::absolute(file).string();
  Result<std::optional<std::string>> bytes =
      read_file(context.env.fs, "/", path, kManifestNoteBytesMax);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return {Errc::not_found, path + " does not exist", "name a file that holds a note"};
  Result<AdmittedManifest> offer = admit_manifest(**bytes, standing.chain.trusted());
  if (!offer) return annotate(std::move(offer).error(), path);
  const Result<Adoption> adoption = judge_offer(*offer, standing.held(), Staging{}, standing.now);
  if (!adoption) return annotate(adoption.error(), path);
  standing.current = *std::move(offer);
  standing.current_path = path;
  standing.rotated_keys = false;
  return {};
}

/// A newer manifest that waits for its turn is not on this machine yet.
std::string scheduled_words(const Telemetry& telemetry) {
  if (telemetry.scheduled_version == 0) return "";
  const std::chrono::sys_seconds turn{std::chrono::seconds(telemetry.adopts_at)};
  return "manifest " + std::to_string(telemetry.scheduled_version) + " is adopted here at " +
         format_utc(turn) + ": 'hostspin diff NOTE' shows what it changes";
}

}  // namespace

ExitCode command_apply(Env& env, const CommonOptions& options, const ApplyOptions& apply) {
  Result<Context> context = make_context(env, options);
  if (!context) {
    record_failed_pass(env, options, nullptr, context.error());
    return fail(env, options, "apply", context.error());
  }
  Standing standing;
  const Result<Applied> applied = pass_locked(*context, standing, apply.unattended);
  if (!applied) return fail(env, options, "apply", applied.error());

  ApplyReport report = report_apply(*context, standing, *applied);
  const bool left_alone = !applied->outcome.written && applied->plan.changes && !applied->is_held;
  if (left_alone) {
    report.code = graver(report.code, ExitCode::attention);
    report.verdict = "another program keeps reverting " + context->config.hosts_path +
                     "; it is left alone for a while";
  }
  for (const std::string& warning : report.warnings) env.console.warning(warning);
  const ExitCode code = finish(env, options, "apply", report.code, report.verdict, std::nullopt,
                               {{"manifest", manifest_json(standing)},
                                {"block", block_json(*applied)},
                                {"backing_off", left_alone},
                                {"warnings", report.warnings},
                                {"notes", report.notes}});
  if (options.format == OutputFormat::text) {
    for (const std::string& note : report.notes) env.console.print(note + "\n");
  }
  return code;
}

ExitCode command_diff(Env& env, const CommonOptions& options, const std::string& note) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "diff", context.error());
  Result<Standing> standing = read_standing(*context);
  if (!standing) return fail(env, options, "diff", standing.error());
  std::vector<ServiceChange> changes;
  if (!note.empty()) {
    const std::optional<AdmittedManifest> before = standing->current;
    if (Result<void> taken = take_offer(*context, *standing, note); !taken) {
      return fail(env, options, "diff", taken.error());
    }
    changes =
        service_changes(before ? &before->manifest() : nullptr, standing->current->manifest());
  }
  const std::string& path = context->config.hosts_path;
  const Result<std::optional<std::string>> found =
      read_file(env.fs, options.root, path, kHostsBytesMax);
  if (!found) return fail(env, options, "diff", found.error());
  Result<Applied> applied = preview_standing(*context, *standing, *found);
  if (!applied) return fail(env, options, "diff", applied.error());

  std::string diff;
  if (applied->plan.changes) {
    diff = unified_diff(
        found->value_or(""), applied->plan.after.str(), path,
        path + (note.empty() ? " (as apply would write it)" : " (as its adoption would write it)"));
  }
  const ExitCode code = applied->plan.changes ? ExitCode::attention : ExitCode::ok;
  const std::string who =
      note.empty() ? "apply" : "manifest " + std::to_string(standing->current->manifest().version);
  const std::string counted = count_changes(changes);
  const std::string verdict = applied->nothing_held
                                  ? "nothing to pin yet"
                                  : who + " would change " +
                                        (applied->plan.changes ? "" : "nothing in ") + path +
                                        (counted.empty() ? "" : ": " + counted);
  const std::string scheduled = note.empty() ? scheduled_words(load_telemetry(*context)) : "";
  const ExitCode ended = finish(env, options, "diff", code, verdict, std::nullopt,
                                {{"manifest", manifest_json(*standing)},
                                 {"block", block_json(*applied)},
                                 {"changes", changes_json(changes)},
                                 {"diff", diff}});
  if (options.format != OutputFormat::text) return ended;
  env.console.print(list_changes(changes) + diff);
  if (!scheduled.empty()) env.console.print(scheduled + "\n");
  return ended;
}

}  // namespace hostspin
