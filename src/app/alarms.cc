#include "alarms.h"

#include <algorithm>

#include "hostspin/time_text.h"
#include "json_fields.h"

namespace hostspin {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "hostspin.alarms/1";

bool is_same(const Alarm& a, const Alarm& b) { return a.kind == b.kind && a.object == b.object; }

bool holds(const std::vector<Alarm>& alarms, const Alarm& alarm) {
  return std::any_of(alarms.begin(), alarms.end(),
                     [&](const Alarm& one) { return is_same(one, alarm); });
}

std::string shown(const Alarm& alarm) {
  std::string words(event_name(alarm.kind));
  return alarm.object.empty() ? words : words + " " + alarm.object;
}

Event begun(const Alarm& alarm) {
  return Event{alarm.kind, false, shown(alarm) + ": " + alarm.detail, alarm.fields};
}

Event ended(const Alarm& alarm, std::int64_t now) {
  const std::chrono::seconds lasted(std::max<std::int64_t>(0, now - alarm.since));
  return Event{alarm.kind, true, shown(alarm) + ": over, after " + format_span(lasted),
               alarm.fields};
}

}  // namespace

AlarmBook AlarmBook::parse(std::string_view text) {
  AlarmBook book;
  const json object = parse_own(text, kSchema);
  if (object.is_null()) return book;
  for (const json& one : array_field(object, "alarms")) {
    if (!one.is_object() || book.standing_.size() >= kAlarmsMax) continue;
    const std::optional<EventKind> kind = event_from_name(text_field(one, "alarm"));
    if (!kind || !is_alarm(*kind)) continue;
    Alarm alarm{*kind,
                text_field(one, "object"),
                text_field(one, "detail"),
                {},
                number_field(one, "since")};
    if (const auto fields = one.find("fields"); fields != one.end() && fields->is_object()) {
      for (const auto& [key, value] : fields->items()) {
        if (value.is_string()) alarm.fields.emplace_back(key, value.get<std::string>());
      }
    }
    book.standing_.push_back(std::move(alarm));
  }
  return book;
}

std::string AlarmBook::format() const {
  json alarms = json::array();
  for (const Alarm& alarm : standing_) {
    json fields = json::object();
    for (const auto& [key, value] : alarm.fields) fields[key] = value;
    alarms.push_back({{"alarm", event_name(alarm.kind)},
                      {"object", alarm.object},
                      {"detail", alarm.detail},
                      {"since", alarm.since},
                      {"fields", std::move(fields)}});
  }
  const json object = {{"schema", kSchema}, {"alarms", std::move(alarms)}};
  return object.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

std::vector<Event> AlarmBook::judge(std::span<const EventKind> judged, std::vector<Alarm> active,
                                    std::int64_t now) {
  std::vector<Event> events;
  std::vector<Alarm> kept;
  for (Alarm& alarm : standing_) {
    const bool is_judged = std::find(judged.begin(), judged.end(), alarm.kind) != judged.end();
    if (is_judged && !holds(active, alarm)) {
      events.push_back(ended(alarm, now));
    } else {
      kept.push_back(std::move(alarm));
    }
  }
  for (Alarm& alarm : active) {
    const auto known = std::find_if(kept.begin(), kept.end(),
                                    [&](const Alarm& one) { return is_same(one, alarm); });
    if (known != kept.end()) {
      known->detail = std::move(alarm.detail);  // the latest words, without telling it again
      continue;
    }
    if (kept.size() >= kAlarmsMax) continue;
    alarm.since = now;
    events.push_back(begun(alarm));
    kept.push_back(std::move(alarm));
  }
  standing_ = std::move(kept);
  return events;
}

}  // namespace hostspin
