#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "lock.h"
#include "output.h"
#include "pass_record.h"

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

}  // namespace hostspin
