#include <algorithm>
#include <filesystem>

#include "apply_report.h"
#include "commands.h"
#include "converge.h"
#include "hostspin/time_text.h"
#include "markers.h"
#include "output.h"
#include "scheduled_note.h"
#include "service_changes.h"
#include "target.h"
#include "telemetry.h"

namespace hostspin {
namespace {

Result<AdmittedManifest> read_offer(Context& context, const TrustRoot& root,
                                    const std::string& path) {
  const Result<std::optional<std::string>> bytes =
      read_file(context.env.fs, "/", path, kManifestNoteBytesMax);
  if (!bytes) return bytes.error();
  if (!*bytes) return {Errc::not_found, path + " does not exist", "name a file that holds a note"};
  Result<AdmittedManifest> offer = admit_manifest(**bytes, root);
  if (!offer) return annotate(std::move(offer).error(), path);
  return offer;
}

/// Puts the manifest of a note in the place of the current one, if a cycle would adopt it into the
/// file `hosts`.
Result<void> take_offer(Context& context, Standing& standing, const std::string& file,
                        std::string_view hosts) {
  const Result<std::optional<FoundBlock>> block = find_block(hosts);
  if (!block) return annotate(block.error(), context.config.hosts_path);
  remember_header(standing, *block);
  if (Result<void> lasts = check_root_lasts(standing); !lasts) return lasts;
  const std::string path = std::filesystem::absolute(file).string();
  Result<AdmittedManifest> offer = read_offer(context, standing.chain.trusted(), path);
  if (!offer) return std::move(offer).error();
  const Result<Adoption> adoption = judge_offer(*offer, standing.held(), Staging{}, standing.now);
  if (!adoption) return annotate(adoption.error(), path);
  make_current(standing, *std::move(offer), path);
  return {};
}

/// A newer manifest that waits for its turn in a rollout.
struct Scheduled {
  std::int64_t version = 0;
  std::string turn;
  bool is_known = false;  ///< the note is at hand; only then follows what it changes
  std::vector<ServiceChange> changes;
  std::string diff;
  [[nodiscard]] std::string words() const {
    const std::string counted = count_changes(changes);
    return "manifest " + std::to_string(version) + " is adopted here at " + turn +
           (is_known ? ": " + (counted.empty() ? "no service changes" : counted) : "");
  }
};

/// The note is a copy that a cycle has left for showing; it proves itself here once more.
std::optional<Scheduled> look_ahead(Context& context, const Standing& standing,
                                    const std::optional<std::string>& hosts) {
  const Telemetry telemetry = load_telemetry(context);
  const std::optional<ScheduledOffer> awaited = awaited_offer(telemetry);
  if (!awaited) return std::nullopt;
  Scheduled scheduled{awaited->version, format_utc(awaited->adopts_at), false, {}, ""};
  const std::optional<std::string> note = scheduled_note(context);
  if (!note) return scheduled;
  Result<AdmittedManifest> offer = admit_manifest(*note, standing.chain.trusted());
  if (!offer || offer->rank() != awaited->rank() || offer->short_digest() != awaited->sha256) {
    return scheduled;
  }
  Standing later = standing;
  scheduled.changes = service_changes(standing.current ? &standing.current->manifest() : nullptr,
                                      offer->manifest());
  make_current(later, *std::move(offer), "the sources");
  const Result<Applied> applied = preview_standing(context, later, hosts);
  if (!applied) return scheduled;
  scheduled.is_known = true;
  if (applied->plan.changes) {
    const std::string& path = context.config.hosts_path;
    scheduled.diff = unified_diff(
        hosts.value_or(""), applied->plan.after.str(), path,
        path + " (as manifest " + std::to_string(scheduled.version) + " would have it)");
  }
  return scheduled;
}

Json scheduled_json(const std::optional<Scheduled>& scheduled) {
  if (!scheduled) return nullptr;
  return {{"version", scheduled->version},
          {"adopts_at", scheduled->turn},
          {"changes", scheduled->is_known ? changes_json(scheduled->changes) : Json(nullptr)},
          {"diff", scheduled->is_known ? Json(scheduled->diff) : Json(nullptr)}};
}

}  // namespace

ExitCode command_diff(Env& env, const CommonOptions& options, const std::string& note) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "diff", context.error());
  Result<Standing> standing = read_standing(*context);
  if (!standing) return fail(env, options, "diff", standing.error());
  const std::string& path = context->config.hosts_path;
  const Result<std::optional<std::string>> found =
      read_file(env.fs, options.root, path, kHostsBytesMax);
  if (!found) return fail(env, options, "diff", found.error());
  std::vector<ServiceChange> changes;
  if (!note.empty()) {
    const std::optional<AdmittedManifest> before = standing->current;
    if (Result<void> taken = take_offer(*context, *standing, note, found->value_or("")); !taken) {
      return fail(env, options, "diff", taken.error());
    }
    changes =
        service_changes(before ? &before->manifest() : nullptr, standing->current->manifest());
  }
  Result<Applied> applied = preview_standing(*context, *standing, *found);
  if (!applied) return fail(env, options, "diff", applied.error());

  std::string diff;
  if (applied->plan.after.size() > std::max(kHostsBytesMax, found->value_or("").size())) {
    return fail(env, options, "diff", hosts_too_large(hostspin::quoted(path) + " with the block"));
  }
  if (applied->plan.changes) {
    diff = unified_diff(
        found->value_or(""), applied->plan.after.str(), path,
        path + (note.empty() ? " (as apply would write it)" : " (as its adoption would write it)"));
  }
  ExitCode code = applied->plan.changes ? ExitCode::attention : ExitCode::ok;
  const std::string who =
      note.empty() ? "apply" : "manifest " + std::to_string(standing->current->manifest().version);
  const std::string counted = count_changes(changes);
  std::string verdict = held_words(*applied) + who + " would change " +
                        (applied->plan.changes ? "" : "nothing in ") + path +
                        (counted.empty() ? "" : ": " + counted);
  if (applied->state_lost || applied->nothing_held) {  // apply would say no more
    const ApplyReport report = report_apply(*context, *standing, *applied);
    code = report.code;
    verdict = report.verdict;
    for (const std::string& warning : report.warnings) env.console.warning(warning);
  }
  std::optional<Scheduled> scheduled;
  if (note.empty()) scheduled = look_ahead(*context, *standing, *found);
  if (scheduled) verdict += "; " + scheduled->words();
  const ExitCode ended = finish(env, options, "diff", code, verdict, std::nullopt,
                                {{"manifest", manifest_json(*standing)},
                                 {"block", block_json(*applied)},
                                 {"changes", changes_json(changes)},
                                 {"diff", diff},
                                 {"scheduled", scheduled_json(scheduled)}});
  if (options.format != OutputFormat::text) return ended;
  env.console.print(list_changes(changes) + diff);
  if (!scheduled) return ended;
  env.console.print(scheduled->is_known ? list_changes(scheduled->changes) + scheduled->diff
                                        : "'hostspin diff NOTE' shows what manifest " +
                                              std::to_string(scheduled->version) + " changes\n");
  return ended;
}

}  // namespace hostspin
