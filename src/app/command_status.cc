#include <algorithm>

#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "hostspin/time_text.h"
#include "output.h"
#include "telemetry.h"

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
  print_line(console, "signed by", signers);
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
  for (const Telemetry::SourceAttempt& source : telemetry.sources) {
    print_line(
        console, "source",
        source.label + ": " + source.outcome + (source.detail.empty() ? "" : ": " + source.detail));
  }
  if (telemetry.drift_repairs > 0) {
    print_line(console, "drift",
               std::to_string(telemetry.drift_repairs) + " repairs, last " +
                   when(telemetry.last_drift, now));
  }
}

Json telemetry_json(const Telemetry& telemetry) {
  Json sources = Json::array();
  for (const Telemetry::SourceAttempt& source : telemetry.sources) {
    sources.push_back(
        {{"source", source.label}, {"outcome", source.outcome}, {"detail", source.detail}});
  }
  return {{"last_write", telemetry.last_write},
          {"last_refresh_attempt", telemetry.last_refresh_attempt},
          {"last_refresh_success", telemetry.last_refresh_success},
          {"last_outcome", telemetry.last_outcome},
          {"last_refusal", telemetry.last_refusal},
          {"last_refusal_detail", telemetry.last_refusal_detail},
          {"sources", std::move(sources)},
          {"refresh_failures", telemetry.refresh_failures},
          {"drift_repairs", telemetry.drift_repairs},
          {"last_drift", telemetry.last_drift}};
}

/// What can still be said where the trust root is missing or broken.
ExitCode status_without_root(Env& env, Context& context, const Error& error) {
  const Telemetry telemetry = load_telemetry(context);
  const Result<std::optional<std::string>> hold = context.store.hold_reason();
  const bool is_held = hold && hold->has_value();
  Json body = {{"held", is_held}, {"telemetry", telemetry_json(telemetry)}};
  const ExitCode code = finish(env, context.options, "status", ExitCode::unknown, error.detail,
                               error, std::move(body));
  if (context.options.format == OutputFormat::text) {
    if (is_held) print_line(env.console, "held", hold->value().empty() ? "yes" : **hold);
    print_telemetry(env.console, telemetry, system_time(env));
  }
  return code;
}

}  // namespace

ExitCode command_status(Env& env, const CommonOptions& options) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "status", context.error());
  Result<Standing> standing = take_standing(*context);
  if (!standing) return status_without_root(env, *context, standing.error());
  Result<Applied> applied = preview_standing(*context, *standing);
  if (!applied) return fail(env, options, "status", applied.error());

  ApplyReport report = report_apply(*context, *standing, *applied);
  std::string verdict = report.verdict;
  if (standing->current && !applied->state_lost) {
    const std::string name = "manifest " + std::to_string(standing->current->manifest().version);
    if (applied->plan.changes) {
      report.code = graver(report.code, ExitCode::attention);
      verdict = name + " is held, but " + context->config.hosts_path + " does not say so (" +
                std::string(drift_name(applied->plan.drift)) + ")";
    } else {
      verdict =
          name + " of fleet " + standing->root().fleet + " is in " + context->config.hosts_path;
    }
    if (applied->is_held) verdict = "held: " + verdict;
  }
  const Telemetry telemetry = load_telemetry(*context);
  const ExitCode code = finish(env, options, "status", report.code, verdict, std::nullopt,
                               {{"manifest", manifest_json(*standing)},
                                {"block", block_json(*applied)},
                                {"held", applied->is_held},
                                {"hold_reason", applied->held},
                                {"telemetry", telemetry_json(telemetry)},
                                {"warnings", report.warnings}});
  if (options.format != OutputFormat::text) return code;
  print_manifest(env.console, *standing);
  print_line(env.console, "hosts file",
             context->config.hosts_path + ": " +
                 (applied->plan.changes ? std::string(drift_name(applied->plan.drift))
                                        : "in step with the manifest"));
  if (applied->is_held) {
    print_line(env.console, "held", applied->held.empty() ? "yes" : applied->held);
  }
  print_telemetry(env.console, telemetry, standing->now);
  for (const std::string& warning : report.warnings) env.console.warning(warning);
  return code;
}

}  // namespace hostspin
