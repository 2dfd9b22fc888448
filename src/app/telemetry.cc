#include "telemetry.h"

#include <algorithm>

#include "hostspin/crypto.h"
#include "json_fields.h"
#include "run_files.h"

namespace hostspin {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "hostspin.telemetry/1";
constexpr const char* kSpareFile = "status.json";
constexpr std::size_t kReasonsMax = 64;
constexpr std::size_t kSourcesKept = 1024;

json format_facts(const Telemetry::Facts& facts) {
  return {{"state", facts.state},
          {"fleet", facts.fleet},
          {"epoch", facts.epoch},
          {"version", facts.version},
          {"sha256", facts.sha256},
          {"issued", facts.issued},
          {"expires", facts.expires},
          {"root_version", facts.root_version},
          {"root_expires", facts.root_expires},
          {"lines", facts.lines},
          {"conflicts", facts.conflicts},
          {"own_names", facts.own_names},
          {"in_sync", facts.in_sync},
          {"held", facts.held}};
}

Telemetry::Facts parse_facts(const json& object) {
  Telemetry::Facts facts;
  facts.state = text_field(object, "state");
  facts.fleet = text_field(object, "fleet");
  facts.epoch = number_field(object, "epoch");
  facts.version = number_field(object, "version");
  facts.sha256 = text_field(object, "sha256");
  facts.issued = number_field(object, "issued");
  facts.expires = number_field(object, "expires");
  facts.root_version = number_field(object, "root_version");
  facts.root_expires = number_field(object, "root_expires");
  facts.lines = number_field(object, "lines");
  facts.conflicts = number_field(object, "conflicts");
  facts.own_names = number_field(object, "own_names");
  facts.in_sync = flag_field(object, "in_sync");
  facts.held = flag_field(object, "held");
  return facts;
}

/// As sources send it; an edited status.json must not reach a request.
bool is_header_value(const json& value) {
  constexpr std::size_t kBytesMax = 256;
  const auto* text = value.get_ptr<const std::string*>();
  return text != nullptr && text->size() <= kBytesMax &&
         std::all_of(text->begin(), text->end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

Telemetry parse_telemetry(const json& object) {
  Telemetry telemetry;
  if (const auto facts = object.find("facts"); facts != object.end() && facts->is_object()) {
    telemetry.facts = parse_facts(*facts);
  }
  telemetry.block_mark = text_field(object, "block_mark");
  telemetry.last_write = number_field(object, "last_write");
  telemetry.last_refresh_attempt = number_field(object, "last_refresh_attempt");
  telemetry.last_refresh_success = number_field(object, "last_refresh_success");
  telemetry.last_outcome = text_field(object, "last_outcome");
  telemetry.last_refusal = number_field(object, "last_refusal");
  telemetry.last_refusal_detail = text_field(object, "last_refusal_detail");
  telemetry.scheduled_epoch = number_field(object, "scheduled_epoch");
  telemetry.scheduled_version = number_field(object, "scheduled_version");
  telemetry.scheduled_sha256 = text_field(object, "scheduled_sha256");
  telemetry.adopts_at = number_field(object, "adopts_at");
  telemetry.drift_repairs = number_field(object, "drift_repairs");
  if (const auto failures = object.find("refresh_failures");
      failures != object.end() && failures->is_object()) {
    for (const auto& [reason, count] : failures->items()) {
      if (count.is_number_integer() && telemetry.refresh_failures.size() < kReasonsMax) {
        telemetry.refresh_failures[reason] = count.get<std::int64_t>();
      }
    }
  }
  telemetry.etags_of = text_field(object, "etags_of");
  if (const auto etags = object.find("etags"); etags != object.end() && etags->is_object()) {
    for (const auto& [label, etag] : etags->items()) {
      if (is_header_value(etag)) telemetry.etags[label] = etag.get<std::string>();
    }
  }
  for (const json& one : array_field(object, "sources")) {
    if (!one.is_object() || telemetry.sources.size() >= kSourcesKept) continue;
    telemetry.sources.push_back({text_field(one, "source"), text_field(one, "outcome"),
                                 text_field(one, "detail"), number_field(one, "last_fine")});
  }
  for (const json& one : array_field(object, "drifts")) {
    if (!one.is_object() || telemetry.drifts.size() >= kDriftsKept) continue;
    telemetry.drifts.push_back(
        {number_field(one, "time"), text_field(one, "what"), text_field(one, "writer")});
  }
  return telemetry;
}

std::string format_telemetry(const Telemetry& telemetry) {
  json sources = json::array();
  for (const Telemetry::SourceAttempt& attempt : telemetry.sources) {
    sources.push_back({{"source", attempt.label},
                       {"outcome", attempt.outcome},
                       {"detail", attempt.detail},
                       {"last_fine", attempt.last_fine}});
  }
  json drifts = json::array();
  for (const Telemetry::DriftRepair& drift : telemetry.drifts) {
    drifts.push_back({{"time", drift.time}, {"what", drift.what}, {"writer", drift.writer}});
  }
  const json object = {{"schema", kSchema},
                       {"facts", format_facts(telemetry.facts)},
                       {"block_mark", telemetry.block_mark},
                       {"last_write", telemetry.last_write},
                       {"last_refresh_attempt", telemetry.last_refresh_attempt},
                       {"last_refresh_success", telemetry.last_refresh_success},
                       {"last_outcome", telemetry.last_outcome},
                       {"last_refusal", telemetry.last_refusal},
                       {"last_refusal_detail", telemetry.last_refusal_detail},
                       {"scheduled_epoch", telemetry.scheduled_epoch},
                       {"scheduled_version", telemetry.scheduled_version},
                       {"scheduled_sha256", telemetry.scheduled_sha256},
                       {"adopts_at", telemetry.adopts_at},
                       {"sources", std::move(sources)},
                       {"etags", telemetry.etags},
                       {"etags_of", telemetry.etags_of},
                       {"refresh_failures", telemetry.refresh_failures},
                       {"drift_repairs", telemetry.drift_repairs},
                       {"drifts", std::move(drifts)}};
  return object.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

/// What is wrong with what is held, the worst of it; empty where nothing is. A root that has
/// expired keeps out even what would cure the others, and keys that were taken out may be a
/// thief's.
std::string_view state_of_held(const Standing& standing) {
  if (standing.chain.trusted().expired(standing.now)) return "root_expired";
  if (standing.rotated_keys) return "rotated_keys";
  if (standing.current && standing.current->expired(standing.now)) return "expired";
  return "";
}

Telemetry::Facts find_facts(const Standing& standing, const Applied& applied) {
  Telemetry::Facts facts;
  const RootDocument& root = standing.root();
  facts.fleet = root.fleet;
  facts.root_version = root.version;
  facts.root_expires = root.expires.time_since_epoch().count();
  facts.lines = static_cast<std::int64_t>(applied.pins.size());
  facts.conflicts = static_cast<std::int64_t>(applied.plan.conflict_lines);
  facts.own_names = static_cast<std::int64_t>(applied.unacknowledged.size());
  facts.held = applied.is_held;
  facts.in_sync = !applied.nothing_held && !applied.state_lost &&
                  (applied.outcome.written || applied.plan.is_right());
  if (standing.current) {
    const Manifest& manifest = standing.current->manifest();
    facts.epoch = manifest.epoch;
    facts.version = manifest.version;
    facts.sha256 = standing.current->short_digest();
    facts.issued = manifest.issued.time_since_epoch().count();
    facts.expires = manifest.expires.time_since_epoch().count();
  }
  const std::string_view wrong = state_of_held(standing);
  const bool is_unsure = !applied.own_name_unreadable.empty();
  facts.state = applied.state_lost                 ? "state_lost"
                : applied.nothing_held             ? "nothing_held"
                : applied.is_held                  ? "held"
                : !facts.in_sync                   ? "not_written"
                : !wrong.empty()                   ? wrong
                : facts.own_names > 0 || is_unsure ? "own_name"
                                                   : "ok";
  return facts;
}

/// No pass over the file follows a cycle that brings a root and nothing else: what that makes of
/// the held manifest would stay untold until the next one.
void record_root(Telemetry::Facts& facts, const Standing& standing) {
  const std::string_view wrong = state_of_held(standing);
  if (facts.in_sync && !facts.held && !wrong.empty()) facts.state = wrong;
  facts.root_version = standing.root().version;
  facts.root_expires = standing.root().expires.time_since_epoch().count();
}

void await(Telemetry& telemetry, const ScheduledOffer& offer) {
  telemetry.scheduled_epoch = offer.epoch;
  telemetry.scheduled_version = offer.version;
  telemetry.scheduled_sha256 = offer.sha256;
  telemetry.adopts_at = offer.adopts_at.time_since_epoch().count();
}

/// What waited is in force, or has been overtaken.
bool is_held(const ScheduledOffer& offer, const Standing& standing) {
  return standing.current && standing.current->rank() >= offer.rank();
}

/// The source that has the higher manifest may not have been heard: a cycle in which one failed
/// ends no wait before its time, and so does none that is about something lower.
void record_wait(Telemetry& telemetry, const Standing& standing, const CycleReport& report,
                 std::int64_t now) {
  std::optional<ScheduledOffer> wait = report.scheduled;
  if (const std::optional<ScheduledOffer> before = awaited_offer(telemetry)) {
    const bool is_higher = !wait || before->rank() > wait->rank();
    const bool goes_on = !report.all_fine() && telemetry.adopts_at > now;
    if (is_higher && goes_on && !is_held(*before, standing)) wait = before;
  }
  await(telemetry, wait.value_or(ScheduledOffer()));
}

/// One by hand says nothing of what the configured sources have.
void end_wait_by_hand(Telemetry& telemetry, const Standing& standing) {
  const std::optional<ScheduledOffer> before = awaited_offer(telemetry);
  if (before && is_held(*before, standing)) await(telemetry, {});
}

void count_failure(Telemetry& telemetry, const std::string& reason) {
  if (telemetry.refresh_failures.size() < kReasonsMax ||
      telemetry.refresh_failures.contains(reason)) {
    ++telemetry.refresh_failures[reason];
  }
}

/// Whatever is wrong with a root is one reason, but for two that were signed.
std::string refusal_reason(const EndpointReport& endpoint) {
  if (endpoint.equivocates()) return std::string(code_name(Errc::equivocation));
  if (!endpoint.refused.empty()) return std::string(code_name(endpoint.refused_code));
  return std::string(code_name(Errc::bad_root));
}

/// Counts how a source failed. When it last was fine is taken from what is known of it.
Telemetry::SourceAttempt record_endpoint(Telemetry& telemetry, const EndpointReport& endpoint,
                                         std::int64_t now) {
  Telemetry::SourceAttempt attempt{endpoint.label, "ok", "", now};
  if (!endpoint.refused.empty() || !endpoint.root_refused.empty()) {
    const bool manifest = !endpoint.refused.empty() && !endpoint.equivocates();
    attempt.outcome = endpoint.lagging && !endpoint.equivocates() ? "lagging" : "refused";
    attempt.detail = manifest ? endpoint.refused : endpoint.root_refused;
    telemetry.last_refusal = now;
    telemetry.last_refusal_detail = endpoint.label + ": " + attempt.detail;
    count_failure(telemetry, refusal_reason(endpoint));
  } else if (!endpoint.failed.empty()) {
    attempt.outcome = "failed";
    attempt.detail = endpoint.failed;
    count_failure(telemetry, endpoint.failed_reason.empty() ? "failed" : endpoint.failed_reason);
  }
  if (attempt.outcome == "ok") return attempt;
  const auto known =
      std::find_if(telemetry.sources.begin(), telemetry.sources.end(),
                   [&](const Telemetry::SourceAttempt& one) { return one.label == attempt.label; });
  attempt.last_fine = known == telemetry.sources.end() ? 0 : known->last_fine;
  return attempt;
}

Telemetry read_telemetry(const std::string& text) {
  const json object = parse_own(text, kSchema);
  return object.is_null() ? Telemetry() : parse_telemetry(object);
}

/// What is kept where the state directory cannot be written. It goes as soon as it can be.
std::optional<std::string> read_spare(Context& context) {
  return read_run_file(context.env.fs, context.options.root, kSpareFile);
}

/// Whether it was begun without what the other knows: before the state directory was mounted.
bool is_behind(const Telemetry& one, const Telemetry& other) {
  return one.last_write < other.last_write ||
         one.last_refresh_attempt < other.last_refresh_attempt ||
         one.drift_repairs < other.drift_repairs;
}

}  // namespace

Telemetry load_telemetry(Context& context) {
  const Result<std::optional<std::string>> bytes = context.store.status();
  Telemetry kept = bytes && *bytes ? read_telemetry(**bytes) : Telemetry();
  const std::optional<std::string> spare = read_spare(context);
  if (!spare) return kept;
  Telemetry newer = read_telemetry(*spare);
  return is_behind(newer, kept) ? kept : newer;
}

void store_telemetry(Context& context, const Telemetry& telemetry) {
  Env& env = context.env;
  const std::string& root = context.options.root;
  const std::string text = format_telemetry(telemetry);
  const Result<std::optional<std::string>> before = context.store.status();
  const bool is_known = before && *before == text;
  const Result<void> kept = is_known ? Result<void>() : context.store.keep_status(text);
  const std::optional<std::string> spare = read_spare(context);
  if (kept) {
    if (spare) remove_run_file(env.fs, root, kSpareFile);
    return;
  }
  env.console.note("telemetry was not kept: " + kept.error().detail);
  if (spare != text) (void)write_run_file(env.fs, root, kSpareFile, text);  // best effort
}

std::map<std::string, std::string> known_etags(const Telemetry& telemetry,
                                               const std::string& digest) {
  return telemetry.etags_of == digest ? telemetry.etags : std::map<std::string, std::string>();
}

std::optional<ScheduledOffer> awaited_offer(const Telemetry& telemetry) {
  if (telemetry.scheduled_version == 0) return std::nullopt;
  return ScheduledOffer{telemetry.scheduled_epoch, telemetry.scheduled_version,
                        telemetry.scheduled_sha256,
                        std::chrono::sys_seconds(std::chrono::seconds(telemetry.adopts_at))};
}

bool was_altered(const Telemetry& telemetry, const Applied& applied) {
  const std::string& last_mark = telemetry.block_mark;
  if (applied.plan.drift == Drift::none) return false;
  const auto file = [](std::string_view mark) { return mark.substr(mark.find(' ')); };
  const bool is_known = !last_mark.empty() && file(last_mark) == file(applied.mark);
  return is_known ? applied.found_mark != last_mark : applied.found_contradicts;
}

bool record_apply(Telemetry& telemetry, const Standing& standing, const Applied& applied,
                  bool is_adoption, std::int64_t now) {
  telemetry.facts = find_facts(standing, applied);
  const bool altered = was_altered(telemetry, applied);
  if (telemetry.facts.in_sync) {
    telemetry.block_mark = applied.mark;
  } else if (telemetry.facts.held) {
    telemetry.block_mark.clear();  // whoever holds the file may do with it as he likes
  }
  if (!applied.outcome.written) return false;
  telemetry.last_write = now;
  if (!altered || is_adoption) return false;
  ++telemetry.drift_repairs;
  telemetry.drifts.push_back({now, std::string(drift_name(applied.plan.drift)), applied.writer});
  if (telemetry.drifts.size() > kDriftsKept) telemetry.drifts.erase(telemetry.drifts.begin());
  return true;
}

void record_cycle(Telemetry& telemetry, const Standing& standing, const CycleReport& report,
                  bool by_hand, std::int64_t now) {
  telemetry.last_refresh_attempt = now;
  telemetry.last_outcome = cycle_outcome_name(report.outcome);
  if (report.roots_added > 0) record_root(telemetry.facts, standing);
  const bool waits = report.outcome == CycleOutcome::scheduled;
  if (waits || report.outcome == CycleOutcome::adopted ||
      report.outcome == CycleOutcome::confirmed) {
    telemetry.last_refresh_success = now;
  }
  std::vector<Telemetry::SourceAttempt> attempts;
  for (const EndpointReport& endpoint : report.endpoints) {
    attempts.push_back(record_endpoint(telemetry, endpoint, now));
  }
  if (by_hand) return end_wait_by_hand(telemetry, standing);
  record_wait(telemetry, standing, report, now);
  telemetry.sources = std::move(attempts);
  telemetry.etags.clear();
  telemetry.etags_of = report.held_digest;
  for (const EndpointReport& endpoint : report.endpoints) {
    if (!endpoint.etag.empty()) telemetry.etags[endpoint.label] = endpoint.etag;
  }
}

void record_failed_cycle(Telemetry& telemetry, const std::string& code, std::int64_t now) {
  telemetry.last_refresh_attempt = now;
  telemetry.last_outcome = "failed";
  count_failure(telemetry, code);
}

}  // namespace hostspin
