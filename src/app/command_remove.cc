#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "lock.h"
#include "metrics.h"
#include "output.h"
#include "pass_record.h"

namespace hostspin {
namespace {

constexpr std::string_view kRemoved = "removed by 'hostspin remove'";

/// Runs `edit` over the hosts file under the lock. None of this needs a trust root.
Result<ReplaceOutcome> edit_hosts(
    Context& context, std::function<Result<std::optional<Pieces>>(std::string_view, bool)> edit) {
  ReplaceRequest request;
  request.root = context.options.root;
  request.path = context.config.hosts_path;
  request.state_directory = context.store.paths().state;
  request.mode = context.config.write;
  request.edit = std::move(edit);
  request.doubtful = [](std::string_view bytes) { return !gives_localhost(bytes); };
  return replace_file(context.env.fs, context.env.clock, request);
}

/// What the held manifest pins: lines that can only be ours. Without a trust root there are none,
/// and a repair is the more careful.
std::vector<Pin> known_pins(Context& context) {
  Result<Standing> standing = take_standing(context);
  if (!standing || !standing->current) return {};
  return wanted_pins(standing->current->manifest(), {});
}

/// Warnings, told and given back.
std::vector<std::string> tell_outcome(Context& context, const ReplaceOutcome& outcome) {
  std::vector<std::string> warnings = outcome_warnings(context.config.hosts_path, outcome);
  for (const std::string& warning : warnings) context.env.console.warning(warning);
  return warnings;
}

/// Numbers that nobody updates any more would be believed.
void remove_metrics(Context& context) {
  const std::string& configured = context.config.metrics_textfile;
  const std::string directory = configured.empty() ? kTextfileDirectory : configured;
  FileSystem& fs = context.env.fs;
  const SysResult<Handle> there = fs.open_directory(context.options.root, directory);
  if (!there) return;
  (void)fs.unlink(*there, kTextfileName);  // often there is none
  (void)fs.close(*there);
}

/// No mistake in a file may keep a block that somebody wants gone, nor be in the way of the
/// emergency stop: the defaults are taken then, and it is said. But who names a file means it.
Result<Context> context_or_defaults(Env& env, const CommonOptions& options, bool& broken) {
  Result<Context> configured = make_context(env, options);
  broken =
      !configured && configured.error().code == Errc::bad_config && options.config_file.empty();
  if (!broken) return configured;
  env.console.warning(configured.error().detail + "; the defaults are taken");
  return make_context(env, options, Config());
}

std::string lines_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

ExitCode command_remove(Env& env, const CommonOptions& options, const RemoveOptions& remove) {
  const bool hold_afterwards = !remove.no_hold && !remove.for_package;
  bool broken = false;
  Result<Context> context = context_or_defaults(env, options, broken);
  if (!context) return fail(env, options, "remove", context.error());
  if (remove.for_package) remove_metrics(*context);
  if (remove.for_package && context->config.keep_block_on_remove) {
    return finish(env, options, "remove", ExitCode::ok,
                  "the block stays in " + context->config.hosts_path +
                      " (keep_block_on_remove), and nothing keeps it up to date",
                  std::nullopt, {{"removed", false}, {"held", false}});
  }
  const Result<std::optional<std::string>> stopped = context->store.hold_reason();
  if (remove.for_package && stopped && *stopped && **stopped != kRemoved) {
    return finish(env, options, "remove", ExitCode::ok,
                  "held: the block stays in " + context->config.hosts_path +
                      ", and nothing keeps it up to date; take it out by hand",
                  std::nullopt, {{"removed", false}, {"held", true}});
  }
  Result<Lock> lock = Lock::take(env.fs, env.clock, options.root, kLockLimit);
  if (!lock) return fail(env, options, "remove", lock.error());
  // Held first: a guard that wakes up between the two must not put the block back.
  bool held_here = false;
  if (hold_afterwards) {
    Result<std::optional<std::string>> present = context->store.hold_reason();
    if (!present || !*present) {
      Result<void> held = context->store.hold(kRemoved);
      if (!held) return fail(env, options, "remove", held.error());
      held_here = true;
    }
  }
  Result<ReplaceOutcome> outcome = edit_hosts(
      *context, [&](std::string_view bytes, bool exists) -> Result<std::optional<Pieces>> {
        if (!exists) return std::optional<Pieces>();
        Result<Plan> plan = plan_remove(bytes);
        if (!plan) return annotate(std::move(plan).error(), context->config.hosts_path);
        if (!plan->changes) return std::optional<Pieces>();
        return std::optional<Pieces>(std::move(plan->after));
      });
  if (!outcome) {
    Error error = std::move(outcome).error();
    // Nothing is removed, so nothing need be held.
    if (held_here && !context->store.release())
      error.detail += "; the block is held all the same, until 'hostspin release'";
    return fail(env, options, "remove", error);
  }
  forget_block(*context);
  const std::string& path = context->config.hosts_path;
  const std::vector<std::string> warnings = tell_outcome(*context, *outcome);
  const std::string verdict =
      (outcome->written ? "the block is out of " + path : "there was no block in " + path) +
      (hold_afterwards ? "; held until 'hostspin release'" : "");
  const bool fine = warnings.empty() && !broken;
  return finish(env, options, "remove", fine ? ExitCode::ok : ExitCode::attention, verdict,
                std::nullopt,
                {{"removed", outcome->written}, {"held", hold_afterwards}, {"warnings", warnings}});
}

ExitCode command_hold(Env& env, const CommonOptions& options, const std::string& reason) {
  bool broken = false;
  Result<Context> context = context_or_defaults(env, options, broken);
  if (!context) return fail(env, options, "hold", context.error());
  if (Result<void> held = context->store.hold(reason); !held) {
    return fail(env, options, "hold", held.error());
  }
  // A pass that is under way has not seen it, and may be waiting for another writer.
  const Result<Lock> lock = Lock::take(env.fs, env.clock, options.root, kLockLimit + kFollowMax);
  std::vector<std::string> warnings;
  if (!lock) warnings.push_back("a pass that began before may still write: " + lock.error().detail);
  for (const std::string& warning : warnings) env.console.warning(warning);
  const bool fine = warnings.empty() && !broken;
  return finish(env, options, "hold", fine ? ExitCode::ok : ExitCode::attention,
                "held: " + context->config.hosts_path + " is left alone until 'hostspin release'",
                std::nullopt, {{"held", true}, {"reason", reason}, {"warnings", warnings}});
}

ExitCode command_release(Env& env, const CommonOptions& options) {
  bool broken = false;
  Result<Context> context = context_or_defaults(env, options, broken);
  if (!context) return fail(env, options, "release", context.error());
  Result<bool> released = context->store.release();
  if (!released) return fail(env, options, "release", released.error());
  return finish(env, options, "release", broken ? ExitCode::attention : ExitCode::ok,
                *released ? "released: the next apply or refresh puts the block in place"
                          : "nothing was held",
                std::nullopt, {{"held", false}, {"was_held", *released}});
}

ExitCode command_repair(Env& env, const CommonOptions& options, bool dry_run) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "repair", context.error());
  const std::string& path = context->config.hosts_path;
  Result<std::optional<std::string>> bytes = read_file(env.fs, options.root, path, kHostsBytesMax);
  if (!bytes) return fail(env, options, "repair", bytes.error());
  const std::string before = bytes->value_or("");
  const std::string in_order = "the markers in " + path + " are in order";
  if (const Result<HostsFile> present = parse_hosts(before)) {
    return finish(env, options, "repair", ExitCode::ok,
                  present->block ? in_order
                                 : "there is no block in " + path +
                                       ", so nothing to repair: 'hostspin apply' writes it",
                  std::nullopt, {{"changed", false}});
  }
  const std::vector<Pin> known = known_pins(*context);
  const RepairPlan shown = plan_repair(before, known);
  const std::string words =
      options.format == OutputFormat::json
          ? ""
          : lines_of(shown.explanation) + unified_diff(before, shown.after, path, path);
  if (dry_run) {
    (void)finish(env, options, "repair", ExitCode::attention,
                 "the markers in " + path + " are damaged; repair would do this:", std::nullopt,
                 {{"changed", false}, {"explanation", shown.explanation}});
    env.console.print(words);
    return ExitCode::attention;
  }
  // Shown before the lock is taken: who reads it page by page keeps nobody waiting.
  env.console.print(words);
  const Result<Lock> lock = Lock::take(env.fs, env.clock, options.root, kLockLimit);
  if (!lock) return fail(env, options, "repair", lock.error());
  Result<ReplaceOutcome> outcome = edit_hosts(
      *context, [&](std::string_view present, bool exists) -> Result<std::optional<Pieces>> {
        if (!exists || parse_hosts(present)) return std::optional<Pieces>();
        return std::optional<Pieces>(plan_repair(present, known).after);
      });
  if (!outcome) return fail(env, options, "repair", outcome.error());
  const std::vector<std::string> warnings = tell_outcome(*context, *outcome);
  const Result<std::optional<std::string>> held = context->store.hold_reason();
  const std::string what_next = held && !*held ? "'hostspin apply' puts the block back"
                                               : "held: 'hostspin release' before 'hostspin apply'";
  // Another program's half-done work may have been what looked damaged.
  return finish(
      env, options, "repair", ExitCode::attention,
      outcome->written ? path + " is repaired; " + what_next : in_order + " by now", std::nullopt,
      {{"changed", outcome->written}, {"explanation", shown.explanation}, {"warnings", warnings}});
}

}  // namespace hostspin
