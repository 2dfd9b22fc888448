#include "telemetry.h"

#include <nlohmann/json.hpp>

namespace hostspin {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "hostspin.telemetry/1";
constexpr std::size_t kReasonsMax = 64;

template <typename T>
void take(const json& object, const char* key, T& into) {
  const auto found = object.find(key);
  if (found == object.end()) return;
  if constexpr (std::is_same_v<T, std::string>) {
    if (found->is_string()) into = found->get<std::string>();
  } else {
    if (found->is_number_integer()) into = found->get<T>();
  }
}

Telemetry from_json(const json& object) {
  Telemetry telemetry;
  take(object, "last_write", telemetry.last_write);
  take(object, "last_refresh_attempt", telemetry.last_refresh_attempt);
  take(object, "last_refresh_success", telemetry.last_refresh_success);
  take(object, "last_outcome", telemetry.last_outcome);
  take(object, "last_refusal", telemetry.last_refusal);
  take(object, "last_refusal_detail", telemetry.last_refusal_detail);
  take(object, "drift_repairs", telemetry.drift_repairs);
  take(object, "last_drift", telemetry.last_drift);
  if (const auto failures = object.find("refresh_failures");
      failures != object.end() && failures->is_object()) {
    for (const auto& [reason, count] : failures->items()) {
      if (count.is_number_integer() && telemetry.refresh_failures.size() < kReasonsMax) {
        telemetry.refresh_failures[reason] = count.get<std::int64_t>();
      }
    }
  }
  if (const auto sources = object.find("sources"); sources != object.end() && sources->is_array()) {
    for (const json& source : *sources) {
      if (!source.is_object()) continue;
      Telemetry::SourceAttempt attempt;
      take(source, "source", attempt.label);
      take(source, "outcome", attempt.outcome);
      take(source, "detail", attempt.detail);
      telemetry.sources.push_back(std::move(attempt));
    }
  }
  return telemetry;
}

}  // namespace

Telemetry load_telemetry(Context& context) {
  Result<std::optional<std::string>> bytes = context.store.status();
  if (!bytes || !*bytes) return {};
  const json parsed = json::parse(**bytes, nullptr, /*allow_exceptions=*/false);
  std::string schema;
  if (parsed.is_object()) take(parsed, "schema", schema);
  if (schema != kSchema) return {};
  return from_json(parsed);
}

void store_telemetry(Context& context, const Telemetry& telemetry) {
  json sources = json::array();
  for (const Telemetry::SourceAttempt& attempt : telemetry.sources) {
    sources.push_back(
        {{"source", attempt.label}, {"outcome", attempt.outcome}, {"detail", attempt.detail}});
  }
  const json object = {{"schema", kSchema},
                       {"last_write", telemetry.last_write},
                       {"last_refresh_attempt", telemetry.last_refresh_attempt},
                       {"last_refresh_success", telemetry.last_refresh_success},
                       {"last_outcome", telemetry.last_outcome},
                       {"last_refusal", telemetry.last_refusal},
                       {"last_refusal_detail", telemetry.last_refusal_detail},
                       {"sources", std::move(sources)},
                       {"refresh_failures", telemetry.refresh_failures},
                       {"drift_repairs", telemetry.drift_repairs},
                       {"last_drift", telemetry.last_drift}};
  const std::string text = object.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
  if (Result<void> kept = context.store.keep_status(text); !kept) {
    context.env.console.note("telemetry was not kept: " + kept.error().detail);
  }
}

void record_apply(Telemetry& telemetry, const Applied& applied, std::int64_t now) {
  if (!applied.outcome.written) return;
  // A block that is gone although one had been written was wiped by somebody.
  const bool wiped = applied.plan.drift == Drift::missing && telemetry.last_write != 0;
  telemetry.last_write = now;
  if (!applied.repaired() && !wiped) return;
  ++telemetry.drift_repairs;
  telemetry.last_drift = now;
}

void record_cycle(Telemetry& telemetry, const CycleReport& report, std::int64_t now) {
  telemetry.last_refresh_attempt = now;
  telemetry.last_outcome = cycle_outcome_name(report.outcome);
  if (report.outcome == CycleOutcome::adopted || report.outcome == CycleOutcome::confirmed) {
    telemetry.last_refresh_success = now;
  }
  telemetry.sources.clear();
  for (const EndpointReport& endpoint : report.endpoints) {
    Telemetry::SourceAttempt attempt{endpoint.label, "ok", ""};
    const auto count = [&](const std::string& reason) {
      if (telemetry.refresh_failures.size() < kReasonsMax ||
          telemetry.refresh_failures.contains(reason)) {
        ++telemetry.refresh_failures[reason];
      }
    };
    if (!endpoint.refused.empty() || !endpoint.root_refused.empty()) {
      const bool manifest = !endpoint.refused.empty();
      attempt.outcome = endpoint.lagging ? "lagging" : "refused";
      attempt.detail = manifest ? endpoint.refused : endpoint.root_refused;
      telemetry.last_refusal = now;
      telemetry.last_refusal_detail = endpoint.label + ": " + attempt.detail;
      count(manifest ? std::string(code_name(endpoint.refused_code)) : "bad_root");
    } else if (!endpoint.failed.empty()) {
      attempt.outcome = "failed";
      attempt.detail = endpoint.failed;
      count(endpoint.failed_reason.empty() ? "failed" : endpoint.failed_reason);
    }
    telemetry.sources.push_back(std::move(attempt));
  }
  if (report.applied) record_apply(telemetry, *report.applied, now);
}

}  // namespace hostspin
