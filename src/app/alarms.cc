#include "alarms.h"

#include <algorithm>

#include "hostspin/time_text.h"
#include "json_fields.h"

namespace hostspin {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "hostspin.alarms/1";
constexpr std::int64_t kNumbersPerSecond = 1000000;

bool is_same(const Alarm& a, const Alarm& b) { return a.kind == b.kind && a.object == b.object; }

bool holds(const std::vector<Alarm>& alarms, const Alarm& alarm) {
  return std::any_of(alarms.begin(), alarms.end(),
                     [&](const Alarm& one) { return is_same(one, alarm); });
}

/// Whether there may be one of the kind for every address or source.
bool is_numerous(EventKind kind) {
  return kind == EventKind::address_down || kind == EventKind::source_failed ||
         kind == EventKind::manifest_refused;
}

bool has_place(const std::vector<Alarm>& alarms, EventKind kind) {
  const auto rivals =
      static_cast<std::size_t>(std::count_if(alarms.begin(), alarms.end(), [&](const Alarm& one) {
        return is_numerous(one.kind) == is_numerous(kind);
      }));
  return rivals < (is_numerous(kind) ? kAlarmsMax : kAlarmsReserved);
}

std::string shown(const Alarm& alarm) {
  std::string words(event_name(alarm.kind));
  return alarm.object.empty() ? words : words + " " + alarm.object;
}

JournalFields parse_fields(const json& object) {
  JournalFields fields;
  if (const auto found = object.find("fields"); found != object.end() && found->is_object()) {
    for (const auto& [key, value] : found->items()) {
      if (value.is_string()) fields.emplace_back(key, value.get<std::string>());
    }
  }
  return fields;
}

json format_fields(const JournalFields& fields) {
  json object = json::object();
  for (const auto& [key, value] : fields) object[key] = value;
  return object;
}

/// The kind of an alarm; nothing for any other event.
std::optional<EventKind> parse_kind(const json& one) {
  if (!one.is_object()) return std::nullopt;
  const std::optional<EventKind> kind = event_from_name(text_field(one, "alarm"));
  return kind && is_alarm(*kind) ? kind : std::nullopt;
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
    const std::optional<EventKind> kind = parse_kind(one);
    if (!kind || !has_place(book.standing_, *kind)) continue;
    book.standing_.push_back({*kind, text_field(one, "object"), text_field(one, "detail"),
                              parse_fields(one), number_field(one, "since")});
  }
  for (const json& one : array_field(object, "untold")) {
    const std::optional<EventKind> kind = parse_kind(one);
    if (!kind || book.untold_.size() >= kUntoldMax) continue;
    book.untold_.push_back({*kind, flag_field(one, "cleared"), text_field(one, "message"),
                            parse_fields(one), number_field(one, "number")});
  }
  book.last_number_ = number_field(object, "last_number");
  return book;
}

std::string AlarmBook::format() const {
  json alarms = json::array();
  for (const Alarm& alarm : standing_) {
    alarms.push_back({{"alarm", event_name(alarm.kind)},
                      {"object", alarm.object},
                      {"detail", alarm.detail},
                      {"since", alarm.since},
                      {"fields", format_fields(alarm.fields)}});
  }
  json untold = json::array();
  for (const Event& event : untold_) {
    untold.push_back({{"alarm", event_name(event.kind)},
                      {"cleared", event.cleared},
                      {"message", event.message},
                      {"number", event.number},
                      {"fields", format_fields(event.fields)}});
  }
  const json object = {{"schema", kSchema},
                       {"alarms", std::move(alarms)},
                       {"untold", std::move(untold)},
                       {"last_number", last_number_}};
  return object.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

void AlarmBook::forget_untold(std::size_t count) {
  untold_.erase(untold_.begin(), untold_.begin() + static_cast<std::ptrdiff_t>(count));
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
      // The latest words, as a rule without telling it again. But whoever has mended one mistake
      // and reads nothing takes it for the last.
      const bool is_news =
          alarm.kind == EventKind::configuration_refused && alarm.detail != known->detail;
      known->detail = std::move(alarm.detail);
      if (!is_news) continue;  // and its end is told with the fields that its beginning had
      known->fields = std::move(alarm.fields);
      events.push_back(begun(*known));
      continue;
    }
    if (!has_place(kept, alarm.kind)) continue;
    alarm.since = now;
    events.push_back(begun(alarm));
    kept.push_back(std::move(alarm));
  }
  standing_ = std::move(kept);
  // A book that was lost must not count from 1 again: those numbers have been seen.
  if (last_number_ == 0 && !events.empty()) last_number_ = now * kNumbersPerSecond;
  for (Event& event : events) event.number = ++last_number_;
  untold_.insert(untold_.end(), events.begin(), events.end());
  if (untold_.size() > kUntoldMax) {
    untold_.erase(untold_.begin(), untold_.end() - static_cast<std::ptrdiff_t>(kUntoldMax));
  }
  return events;
}

}  // namespace hostspin
