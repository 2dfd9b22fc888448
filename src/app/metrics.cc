#include "metrics.h"

#include <map>

#include "exposition.h"
#include "hostspin/version.h"
#include "replace_file.h"
#include "target.h"

namespace hostspin {
namespace {

using Labels = Exposition::Labels;

void put_documents(Exposition& out, const Telemetry::Facts& facts) {
  const std::string version = std::to_string(facts.version);
  if (facts.version != 0) {
    out.family("hostspin_manifest_info", "gauge", "The manifest that is held, in labels.");
    const std::string epoch = std::to_string(facts.epoch);
    out.sample(
        1,
        {{"fleet", facts.fleet}, {"epoch", epoch}, {"version", version}, {"sha256", facts.sha256}});
    out.family("hostspin_manifest_issued_timestamp_seconds", "gauge",
               "When the held manifest was issued.");
    out.sample(facts.issued);
    out.family("hostspin_manifest_expiry_timestamp_seconds", "gauge",
               "When the held manifest expires; it stays in force beyond that.");
    out.sample(facts.expires);
  }
  if (facts.root_version != 0) {
    const std::string root_version = std::to_string(facts.root_version);
    out.family("hostspin_root_info", "gauge", "The trusted root, in labels.");
    out.sample(1, {{"fleet", facts.fleet}, {"version", root_version}});
    out.family("hostspin_root_expiry_timestamp_seconds", "gauge",
               "When the trusted root expires; nothing is adopted after that.");
    out.sample(facts.root_expires);
  }
}

void put_block(Exposition& out, const Telemetry& telemetry) {
  const Telemetry::Facts& facts = telemetry.facts;
  out.family("hostspin_status", "gauge", "1 for the state that the last pass found, 0 for others.");
  for (const std::string_view state : kPassStates) {
    out.sample(facts.state == state ? 1 : 0, {{"state", state}});
  }
  out.family("hostspin_held", "gauge", "1 while the hosts file is held and left alone.");
  out.sample(facts.held ? 1 : 0);
  out.family("hostspin_block_in_sync", "gauge",
             "1 where the block says what the held manifest says.");
  out.sample(facts.in_sync && facts.own_names == 0 ? 1 : 0);
  out.family("hostspin_own_names", "gauge",
             "Pins left out for being this host's own name, and not acknowledged.");
  out.sample(facts.own_names);
  out.family("hostspin_block_lines", "gauge", "Lines that the held manifest asks for.");
  out.sample(facts.lines);
  out.family("hostspin_conflicts", "gauge", "Foreign lines that give a pinned name.");
  out.sample(facts.conflicts);
  if (telemetry.last_write != 0) {
    out.family("hostspin_block_last_write_timestamp_seconds", "gauge",
               "When the block was last written.");
    out.sample(telemetry.last_write);
  }
  out.family("hostspin_drift_repairs_total", "counter",
             "Times that somebody else had altered the block and it was put right.");
  out.sample(telemetry.drift_repairs);
}

void put_refresh(Exposition& out, const Telemetry& telemetry) {
  if (telemetry.last_refresh_success != 0) {
    out.family("hostspin_refresh_last_success_timestamp_seconds", "gauge",
               "When a source last confirmed the held manifest, or brought a good one.");
    out.sample(telemetry.last_refresh_success);
  }
  if (telemetry.last_refresh_attempt != 0) {
    out.family("hostspin_refresh_last_attempt_timestamp_seconds", "gauge",
               "When the sources were last asked.");
    out.sample(telemetry.last_refresh_attempt);
  }
  if (telemetry.adopts_at != 0) {
    out.family("hostspin_manifest_adoption_timestamp_seconds", "gauge",
               "When a newer manifest is adopted here, in its staged rollout.");
    out.sample(telemetry.adopts_at);
  }
  out.family("hostspin_refresh_failures_total", "counter",
             "Answers of sources that were refused, or failed, by reason.");
  for (const auto& [reason, count] : telemetry.refresh_failures) {
    out.sample(count, {{"reason", reason}});
  }
}

void put_probes(Exposition& out, const ProbeBook& probes) {
  if (probes.last_round() == 0) return;
  out.family("hostspin_probe_last_round_timestamp_seconds", "gauge",
             "When the agent last probed the manifest's addresses.");
  out.sample(probes.last_round());
  const auto labels = [](const ProbedCheck& check) {
    return Labels{{"service", check.service}, {"address", check.address}, {"check", check.check}};
  };
  const auto& checks = probes.checks();
  out.family("hostspin_address_up", "gauge",
             "1 where the agent's last probe was answered as it should be.");
  for (const ProbedCheck& check : checks) {
    if (check.tried) out.sample(check.up ? 1 : 0, labels(check));
  }
  out.family("hostspin_probe_duration_seconds", "gauge", "How long the agent's last probe took.");
  for (const ProbedCheck& check : checks) {
    if (check.tried) out.seconds(check.duration_s, labels(check));
  }
  out.family("hostspin_address_alarm", "gauge",
             "1 from the third failed probe in a row to the second good one.");
  for (const ProbedCheck& check : checks) out.sample(check.alarming ? 1 : 0, labels(check));
}

void put_alarms(Exposition& out, const AlarmBook& alarms) {
  std::map<std::string_view, std::int64_t> counts;
  for (const Alarm& alarm : alarms.standing()) ++counts[event_name(alarm.kind)];
  out.family("hostspin_alarms", "gauge", "Alarms that stand, by name.");
  for (std::size_t i = 0; i < kEventKinds; ++i) {
    const auto kind = static_cast<EventKind>(i);
    // That no pass can be run is in the agent's log alone: this is written by passes.
    if (!is_alarm(kind) || kind == EventKind::pass_failed) continue;
    out.sample(counts[event_name(kind)], {{"alarm", event_name(kind)}});
  }
}

}  // namespace

std::string format_metrics(const Metrics& metrics) {
  Exposition out;
  out.family("hostspin_build_info", "gauge", "The version that wrote this, in labels.");
  out.sample(1, {{"version", kVersion}});
  put_documents(out, metrics.telemetry.facts);
  put_block(out, metrics.telemetry);
  put_refresh(out, metrics.telemetry);
  put_probes(out, metrics.probes);
  put_alarms(out, metrics.alarms);
  return out.take();
}

void write_metrics(Context& context, const Metrics& metrics) {
  const std::string& configured = context.config.metrics_textfile;
  const std::string directory = configured.empty() ? kTextfileDirectory : configured;
  FileSystem& fs = context.env.fs;
  const SysResult<Handle> there = fs.open_directory(context.options.root, directory);
  if (!there) return;      // no node_exporter here
  (void)fs.close(*there);  // only looked for
  // Written by every pass, changed or not: its age tells that hostspin still runs.
  if (Result<void> kept = write_state_file(fs, context.options.root, directory, kTextfileName,
                                           format_metrics(metrics), false);
      !kept) {
    context.env.console.note("metrics were not written: " + kept.error().detail);
  }
}

}  // namespace hostspin
