#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "lock.h"
#include "output.h"
#include "telemetry.h"

namespace hostspin {
ExitCode command_apply(Env& env, const CommonOptions& options) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "apply", context.error());
  Result<Lock> lock = Lock::take(env.fs, env.clock, options.root, kLockLimit);
  if (!lock) return fail(env, options, "apply", lock.error());
  Result<Standing> standing = take_standing(*context);
  if (!standing) return fail(env, options, "apply", standing.error());
  Result<Applied> applied = apply_standing(*context, *standing);
  if (!applied) return fail(env, options, "apply", applied.error());

  tidy_state(*context, *standing);
  if (applied->outcome.written) {
    Telemetry telemetry = load_telemetry(*context);
    record_apply(telemetry, *applied, system_time(env).time_since_epoch().count());
    store_telemetry(*context, telemetry);
  }
  const ApplyReport report = report_apply(*context, *standing, *applied);
  for (const std::string& warning : report.warnings) env.console.warning(warning);
  const ExitCode code = finish(env, options, "apply", report.code, report.verdict, std::nullopt,
                               {{"manifest", manifest_json(*standing)},
                                {"block", block_json(*applied)},
                                {"warnings", report.warnings},
                                {"notes", report.notes}});
  if (options.format == OutputFormat::text) {
    for (const std::string& note : report.notes) env.console.print(note + "\n");
  }
  return code;
}

ExitCode command_diff(Env& env, const CommonOptions& options) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "diff", context.error());
  Result<Standing> standing = take_standing(*context);
  if (!standing) return fail(env, options, "diff", standing.error());
  Result<Applied> applied = preview_standing(*context, *standing);
  if (!applied) return fail(env, options, "diff", applied.error());

  const std::string& path = context->config.hosts_path;
  std::string diff;
  if (applied->plan.changes) {
    Result<std::optional<std::string>> before =
        read_file(env.fs, options.root, path, kHostsBytesMax);
    if (!before) return fail(env, options, "diff", before.error());
    diff = unified_diff(before->value_or(""), applied->plan.after, path,
                        path + " (as apply would write it)");
  }
  const ExitCode code = applied->plan.changes ? ExitCode::attention : ExitCode::ok;
  const std::string verdict = applied->nothing_held   ? "nothing to pin yet"
                              : applied->plan.changes ? "apply would change " + path
                                                      : "apply would change nothing in " + path;
  const ExitCode ended = finish(
      env, options, "diff", code, verdict, std::nullopt,
      {{"manifest", manifest_json(*standing)}, {"block", block_json(*applied)}, {"diff", diff}});
  if (options.format == OutputFormat::text) env.console.print(diff);
  return ended;
}

}  // namespace hostspin
