#include "apply_report.h"

#include "hostspin/time_text.h"

namespace hostspin {
namespace {

/// Collects warnings; each makes the outcome worth attention.
class Warnings {
 public:
  explicit Warnings(ApplyReport& report) : report_(report) {}
  void add(std::string text) {
    report_.warnings.push_back(std::move(text));
    report_.code = graver(report_.code, ExitCode::attention);
  }

 private:
  ApplyReport& report_;
};

void warn_about_manifest(const Standing& standing, Warnings& warnings) {
  for (const std::string& remark : standing.remarks) warnings.add(remark);
  if (!standing.current) return;
  const Manifest& manifest = standing.current->manifest();
  const std::string name = "manifest " + std::to_string(manifest.version);
  if (standing.current->expired(standing.now)) {
    warnings.add(name + " expired " + format_span(standing.now - manifest.expires) + " ago (" +
                 format_utc(manifest.expires) + "); it stays until a newer one is adopted");
  }
  if (manifest.issued > standing.now) {
    warnings.add(name + " is dated " + format_span(manifest.issued - standing.now) +
                 " ahead of this host's clock");
  }
  if (standing.rotated_keys) warnings.add("rotated-keys: " + standing.rotated_words());
  if (standing.chain.trusted().expired(standing.now)) {
    warnings.add("root " + std::to_string(standing.root().version) + " expired on " +
                 format_utc(standing.root().expires) + ": nothing new will be adopted");
  }
}

void warn_about_file(const std::string& path, const Applied& applied, Warnings& warnings) {
  for (const Conflict& conflict : applied.plan.conflicts) {
    warnings.add("conflict: " + path + ": " + describe_conflict(conflict));
  }
  if (applied.plan.conflict_lines > applied.plan.conflicts.size()) {
    warnings.add("conflict: " + path + ": " + std::to_string(applied.plan.conflict_lines) +
                 " lines in all give names that are pinned");
  }
  if (!applied.own_name_unreadable.empty()) {
    warnings.add("own_name: " + applied.own_name_unreadable + std::string(kOwnNameUnreadableWords));
  }
  for (const std::string& name : applied.unacknowledged) {
    warnings.add("own_name: " + name + std::string(kOwnNameWords));
  }
  if (applied.newer_block_replaced) {
    warnings.add("state-lost: the block in " + path +
                 " was newer than any manifest on this machine, but has lines outside the root's "
                 "names and networks: the older manifest takes its place");
  }
  for (const std::size_t line : applied.plan.foreign_long_lines) {
    warnings.add(path + ":" + std::to_string(line) +
                 ": longer than 64 KiB: Go programs and CoreDNS do not read past it");
  }
  if (applied.plan.no_localhost) {
    warnings.add(path + " gives no address for localhost: was it truncated?");
  }
  if (applied.plan.byte_order_mark) {
    warnings.add(path + " has a byte order mark: no program reads the line that it stands on");
  }
  for (std::string& warning : outcome_warnings(path, applied.outcome)) {
    warnings.add(std::move(warning));
  }
  if (applied.repaired &&
      (applied.plan.drift == Drift::content || applied.plan.drift == Drift::layout)) {
    warnings.add("drift: the block in " + path + " had been altered (" +
                 std::string(drift_name(applied.plan.drift)) + ") and " +
                 (applied.outcome.written ? "was" : "would be") + " put right");
  }
}

/// What was done to foreign bytes, or with them; none of it needs anybody's attention.
std::vector<std::string> notes_about_file(const std::string& path, const Applied& applied) {
  std::vector<std::string> notes;
  if (!applied.outcome.written) return notes;
  if (applied.outcome.created) notes.push_back(path + " was missing and has been made");
  if (applied.plan.added_final_newline && !applied.outcome.created) {
    notes.push_back("the last line of " + path + " had no end, and was given one");
  }
  for (const std::size_t line : applied.plan.restored_lines) {
    notes.push_back(path + ":" + std::to_string(line) +
                    ": in effect again, since none of its names is pinned any more");
  }
  if (const std::size_t more = applied.plan.restored_count - applied.plan.restored_lines.size();
      more > 0) {
    notes.push_back(path + ": " + std::to_string(more) + " more lines are in effect again");
  }
  if (applied.outcome.rebases > 0) {
    notes.push_back("another program edited " + path + " meanwhile, and its edits were taken over");
  }
  return notes;
}

std::string block_words(const Context& context, const Standing& standing, const Applied& applied) {
  const Manifest& manifest = standing.current->manifest();
  return "manifest " + std::to_string(manifest.version) + " of fleet " + manifest.fleet + ", " +
         count_lines(applied.pins.size()) + " in " + context.config.hosts_path;
}

}  // namespace

std::vector<std::string> outcome_warnings(const std::string& path, const ReplaceOutcome& outcome) {
  std::vector<std::string> warnings;
  if (outcome.writer_busy) {
    const std::string kept = outcome.busy_kept.empty()
                                 ? "; what it writes from now on is in no file"
                                 : "; what it held is kept in " + outcome.busy_kept;
    warnings.push_back("writer_busy: another program kept the old " + path + " open for writing" +
                       kept);
  }
  for (const std::string& kept : outcome.left_overs) {
    std::string warning =
        "lines of another program's, or of an interrupted run, could not be put into ";
    warning.append(path).append("; they are kept in ").append(kept);
    warnings.push_back(std::move(warning));
  }
  if (outcome.written && outcome.hard_linked) {
    warnings.push_back(path + " had other hard links; they keep the old content");
  }
  return warnings;
}

std::string held_words(const Applied& applied) {
  if (!applied.is_held) return "";
  return "held" + (applied.held.empty() ? "" : " (" + applied.held + ")") + ": ";
}

std::string clock_words(std::chrono::sys_seconds clock, std::chrono::sys_seconds now) {
  if (clock >= now) return "";
  return "clock: this machine's says " + format_utc(clock) + ", but it is at least " +
         format_utc(now) + ", by which ages are judged here";
}

std::string count_lines(std::size_t lines) {
  return std::to_string(lines) + (lines == 1 ? " line" : " lines");
}

std::string attention_words(std::size_t warnings) {
  if (warnings == 0) return "";
  return warnings == 1 ? "; 1 warning" : "; " + std::to_string(warnings) + " warnings";
}

ApplyReport report_apply(const Context& context, const Standing& standing, const Applied& applied) {
  ApplyReport report;
  Warnings warnings(report);
  warn_about_manifest(standing, warnings);
  warn_about_file(context.config.hosts_path, applied, warnings);
  report.notes = notes_about_file(context.config.hosts_path, applied);

  if (applied.state_lost) {
    report.code = ExitCode::critical;
    const Result<void> readable = context.store.check_readable();
    report.verdict = readable
                         ? "state-lost: the block in " + context.config.hosts_path +
                               " is newer than any manifest on this machine; it was kept as "
                               "it is"
                         : readable.error().detail + ": the block in " + context.config.hosts_path +
                               " is newer than what can be read, and was kept as it is";
  } else if (applied.nothing_held && standing.notes_refused) {
    report.code = ExitCode::critical;
    report.verdict = "nothing is pinned: the manifest on this machine cannot be used";
  } else if (applied.nothing_held) {
    report.code = graver(report.code, ExitCode::attention);
    report.verdict =
        "nothing to pin yet: no manifest has been adopted here; run 'hostspin refresh'";
  } else if (applied.is_held) {
    report.code = graver(report.code, ExitCode::attention);
    report.verdict = held_words(applied) + context.config.hosts_path + " was left alone" +
                     (applied.plan.is_right() ? "" : " although it would change");
  } else {
    report.verdict = block_words(context, standing, applied) +
                     (applied.outcome.written ? ", written" : ", nothing to change");
  }
  report.verdict += attention_words(report.warnings.size());
  return report;
}

Json manifest_json(const Standing& standing) {
  if (!standing.current) return nullptr;
  const Manifest& manifest = standing.current->manifest();
  Json signers = Json::array();
  for (const VerifierKey& key : standing.current->signers()) signers.push_back(key.name());
  return {{"fleet", manifest.fleet},
          {"epoch", manifest.epoch},
          {"version", manifest.version},
          {"sha256", standing.current->short_digest()},
          {"issued", format_utc(manifest.issued)},
          {"expires", format_utc(manifest.expires)},
          {"expired", standing.current->expired(standing.now)},
          {"services", manifest.services.size()},
          {"signers", std::move(signers)},
          {"read_from", standing.current_path},
          {"rotated_keys", standing.rotated_keys},
          {"root_version", standing.root().version},
          {"root_expires", format_utc(standing.root().expires)}};
}

Json block_json(const Applied& applied) {
  Json conflicts = Json::array();
  for (const Conflict& conflict : applied.plan.conflicts) {
    conflicts.push_back({{"line", conflict.line},
                         {"name", conflict.name},
                         {"address", conflict.address},
                         {"same_address", conflict.same_address},
                         {"before_block", conflict.before_block}});
  }
  return {{"written", applied.outcome.written},
          {"would_change", applied.plan.changes},
          {"drift", drift_name(applied.plan.drift)},
          {"rebases", applied.outcome.rebases},
          {"lines", applied.pins.size()},
          {"held", applied.is_held},
          {"state_lost", applied.state_lost},
          {"own_names", applied.own_names},
          {"own_names_unacknowledged", applied.unacknowledged},
          {"conflicts", std::move(conflicts)}};
}

}  // namespace hostspin
