#include "pass_findings.h"

#include <array>

#include "apply_report.h"
#include "hostspin/time_text.h"
#include "service_changes.h"

namespace hostspin {
namespace {

constexpr std::array kPassAlarms{
    EventKind::block_not_written, EventKind::nothing_held,  EventKind::manifest_expired,
    EventKind::state_lost,        EventKind::state_damaged, EventKind::held,
    EventKind::own_name,          EventKind::conflict,      EventKind::writer_fight};

constexpr std::array kRootAlarms{EventKind::root_expired, EventKind::rotated_keys};

JournalFields manifest_fields(const Standing& standing) {
  const Manifest& manifest = standing.current->manifest();
  return {{"HOSTSPIN_FLEET", manifest.fleet},
          {"HOSTSPIN_EPOCH", std::to_string(manifest.epoch)},
          {"HOSTSPIN_VERSION", std::to_string(manifest.version)},
          {"HOSTSPIN_SHA256", standing.current->short_digest()}};
}

}  // namespace

void book_manifest(const Standing& standing, const Applied& applied, Books& books) {
  books.judge(kPassAlarms);
  if (applied.nothing_held) {
    books.alarms.push_back({EventKind::nothing_held, "", "no manifest has been adopted here", {}});
  }
  if (standing.current && standing.current->expired(standing.now)) {
    const Manifest& manifest = standing.current->manifest();
    books.alarms.push_back({EventKind::manifest_expired, "",
                            "manifest " + std::to_string(manifest.version) + " expired at " +
                                format_utc(manifest.expires) +
                                "; it stays until a newer one is adopted",
                            manifest_fields(standing)});
  }
  book_root(standing, books);
  if (!standing.remarks.empty()) {
    books.alarms.push_back({EventKind::state_damaged, "", standing.remarks.front(), {}});
  }
}

void book_file(const Context& context, const Applied& applied, bool drifted, Books& books) {
  const std::string& path = context.config.hosts_path;
  const JournalFields fields{{"HOSTSPIN_PATH", path}};
  if (applied.state_lost) {
    books.alarms.push_back(
        {EventKind::state_lost, "",
         "the block in " + path + " is newer than any manifest on this machine; it was kept",
         fields});
  }
  if (applied.newer_block_replaced && applied.outcome.written) {
    const BlockHeader& header = *applied.newer_block_replaced;
    const std::string epoch = std::to_string(header.epoch.value_or(0));
    const std::string version = std::to_string(header.version.value_or(0));
    books.events.push_back(
        {EventKind::newer_block_replaced,
         false,
         "the block in " + path + " said epoch " + epoch + " version " + version +
             ", newer than any manifest on this machine, but had lines outside the root's names "
             "and networks; the older manifest has taken its place",
         {{"HOSTSPIN_PATH", path}, {"HOSTSPIN_EPOCH", epoch}, {"HOSTSPIN_VERSION", version}}});
  }
  if (applied.is_held) {
    const std::string why = applied.held.empty() ? std::string() : ": " + applied.held;
    books.alarms.push_back({EventKind::held, "", path + " is left alone" + why, fields});
  }
  if (!applied.own_name_unreadable.empty()) {
    books.alarms.push_back({EventKind::own_name, "/etc/hostname",
                            applied.own_name_unreadable + std::string(kOwnNameUnreadableWords),
                            fields});
  }
  for (const std::string& name : applied.unacknowledged) {
    books.alarms.push_back({EventKind::own_name,
                            name,
                            name + std::string(kOwnNameWords),
                            {{"HOSTSPIN_PATH", path}, {"HOSTSPIN_NAME", name}}});
  }
  const auto& conflicts = applied.plan.conflicts;
  const auto first = std::find_if(conflicts.begin(), conflicts.end(),
                                  [](const Conflict& one) { return !one.commented_out; });
  if (first != conflicts.end()) {
    const std::size_t more = applied.plan.conflict_lines - 1;
    books.alarms.push_back({EventKind::conflict, "",
                            path + ":" + std::to_string(first->line) + ": a foreign line gives " +
                                first->name + " the address " + first->address +
                                (more == 0 ? "" : ", and " + std::to_string(more) + " more"),
                            fields});
  }
  if (drifted) {
    const Telemetry::DriftRepair& drift = books.telemetry.drifts.back();
    books.events.push_back({EventKind::drift_repaired,
                            false,
                            "the block in " + path + " had been altered (" + drift.what + ") by " +
                                drift.writer + " and was put right",
                            {{"HOSTSPIN_PATH", path},
                             {"HOSTSPIN_DRIFT", drift.what},
                             {"HOSTSPIN_WRITER", drift.writer}}});
  }
  const ReplaceOutcome& outcome = applied.outcome;
  if (outcome.writer_busy || !outcome.left_overs.empty()) {
    std::string kept = outcome.busy_kept;
    for (const std::string& left : outcome.left_overs) kept += (kept.empty() ? "" : ", ") + left;
    books.events.push_back({EventKind::foreign_edit_kept,
                            false,
                            kept.empty()
                                ? "another writer still has an old " + path + " open"
                                : "another writer's bytes of " + path + " were put aside: " + kept,
                            {{"HOSTSPIN_PATH", path}, {"HOSTSPIN_KEPT", kept}}});
  }
}

void book_root(const Standing& standing, Books& books) {
  books.judge(kRootAlarms);
  if (standing.rotated_keys) {
    books.alarms.push_back(
        {EventKind::rotated_keys, "", standing.rotated_words(), manifest_fields(standing)});
  }
  if (!standing.chain.trusted().expired(standing.now)) return;
  const std::string version = std::to_string(standing.root().version);
  books.alarms.push_back({EventKind::root_expired,
                          "",
                          "root " + version + " expired at " + format_utc(standing.root().expires) +
                              ": nothing new will be adopted",
                          {{"HOSTSPIN_ROOT_VERSION", version}}});
}

void book_adoption(const Standing& standing, const Manifest* before, Books& books) {
  const Manifest& now = standing.current->manifest();
  const std::vector<ServiceChange> changes = service_changes(before, now);
  const std::string counted = count_changes(changes);
  JournalFields fields = manifest_fields(standing);
  const std::pair<const char*, ServiceChange::Kind> kinds[] = {
      {"HOSTSPIN_ADDED", ServiceChange::Kind::added},
      {"HOSTSPIN_REMOVED", ServiceChange::Kind::removed},
      {"HOSTSPIN_CHANGED", ServiceChange::Kind::changed}};
  for (const auto& [field, kind] : kinds) {
    std::string names = names_changed(changes, kind);
    if (!names.empty()) fields.emplace_back(field, std::move(names));
  }
  books.events.push_back({EventKind::manifest_adopted, false,
                          "adopted manifest " + std::to_string(now.version) + " of fleet " +
                              standing.root().fleet + ": " +
                              (counted.empty() ? "no service changed" : counted),
                          std::move(fields)});
}

void book_cycle_events(const Standing& standing, const CycleReport& report, std::int64_t waited_for,
                       Books& books) {
  if (report.roots_added > 0) {
    const std::string version = std::to_string(standing.root().version);
    books.events.push_back({EventKind::roots_adopted,
                            false,
                            "adopted trust root " + version + " of fleet " + standing.root().fleet,
                            {{"HOSTSPIN_ROOT_VERSION", version}}});
  }
  const Telemetry& telemetry = books.telemetry;
  if (telemetry.scheduled_version != 0 && telemetry.scheduled_version != waited_for) {
    const std::string version = std::to_string(telemetry.scheduled_version);
    const std::chrono::sys_seconds turn{std::chrono::seconds(telemetry.adopts_at)};
    books.events.push_back({EventKind::manifest_scheduled,
                            false,
                            "manifest " + version + " is good and scheduled for " +
                                format_utc(turn) + " (staged rollout)",
                            {{"HOSTSPIN_VERSION", version}}});
  }
}

void book_sources(const CycleReport& report, Books& books) {
  books.judge(kRefreshAlarms);
  if (report.error) {
    books.alarms.push_back({EventKind::refresh_failed,
                            "",
                            report.error->detail,
                            {{"HOSTSPIN_CODE", std::string(code_name(report.error->code))}}});
  }
  for (const EndpointReport& endpoint : report.endpoints) {
    const bool is_root = endpoint.refused.empty() || endpoint.equivocates();
    const std::string& refused = is_root ? endpoint.root_refused : endpoint.refused;
    const Errc code = is_root ? endpoint.root_refused_code : endpoint.refused_code;
    JournalFields fields{{"HOSTSPIN_SOURCE", endpoint.label}};
    if (!refused.empty() && (!endpoint.lagging || endpoint.equivocates())) {
      fields.emplace_back("HOSTSPIN_CODE", code_name(code));
      books.alarms.push_back(
          {EventKind::manifest_refused, endpoint.label, refused, std::move(fields)});
    } else if (!endpoint.fine()) {
      books.alarms.push_back({EventKind::source_failed, endpoint.label,
                              endpoint.lagging ? refused : endpoint.failed, std::move(fields)});
    }
  }
}

}  // namespace hostspin
