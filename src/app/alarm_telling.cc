#include "alarm_telling.h"

#include <algorithm>

#include "child_process.h"
#include "events.h"
#include "pass_files.h"

namespace hostspin {
namespace {

// Of alarms, by one pass: half of what is kept of its output.
constexpr std::size_t kToldBytesMax = kChildOutputBytesMax / 2;

/// As many of them as the supervisor takes from one pass, and at least one; the next pass goes on.
std::vector<Event> take_share(const std::vector<Event>& untold) {
  std::vector<Event> share;
  std::size_t bytes = 0;
  for (const Event& event : untold) {
    bytes += format_event_line(event).size();
    if (bytes > kToldBytesMax && !share.empty()) break;
    share.push_back(event);
  }
  return share;
}

/// Two texts of one version are so under any root.
bool is_two_truths(const Alarm& alarm) {
  return std::any_of(alarm.fields.begin(), alarm.fields.end(), [](const auto& field) {
    return field.first == "HOSTSPIN_CODE" && field.second == code_name(Errc::equivocation);
  });
}

/// What is known of sources that were not asked stays, but for what was judged under a root that is
/// no longer the last.
void keep_unasked(const AlarmBook& alarms, Books& books) {
  for (const Alarm& alarm : alarms.standing()) {
    const bool is_of_source =
        alarm.kind == EventKind::manifest_refused || alarm.kind == EventKind::source_failed;
    const bool is_void =
        books.new_root && alarm.kind == EventKind::manifest_refused && !is_two_truths(alarm);
    if (is_of_source && !is_void && alarm.object != *books.asked) books.alarms.push_back(alarm);
  }
}

}  // namespace

AlarmBook tell_alarms(Env& env, const CommonOptions& options, Books& books, bool lock) {
  const std::string before = run_text(env, options, kAlarmsFile);
  AlarmBook alarms = AlarmBook::parse(before);
  emit_events(env, options, books.events);
  // Whoever is killed from here on has told it.
  const bool told_events = !options.for_agent || env.console.flush();
  if (!lock) {
    give_hint(env, options, "unbooked", 1, "the lock could not be had");
    return alarms;
  }
  if (books.asked) keep_unasked(alarms, books);
  (void)alarms.judge(books.judged, std::move(books.alarms), wall(env));
  const std::string after = alarms.format();
  const Result<void> booked =
      after == before ? Result<void>() : store_text(env, options, kAlarmsFile, after);
  if (!booked) {
    give_hint(env, options, "unbooked", 1, booked.error().detail);
    return alarms;
  }
  if (alarms.untold().empty() || !told_events) return alarms;
  const std::vector<Event> told = take_share(alarms.untold());
  emit_events(env, options, told);
  // Before the next line is booked it may be told once more; the supervisor knows it by its number.
  if (options.for_agent && !env.console.flush()) return alarms;
  alarms.forget_untold(told.size());
  (void)store_text(env, options, kAlarmsFile, alarms.format());
  return alarms;
}

}  // namespace hostspin
