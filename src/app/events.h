#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "context.h"
#include "journal.h"

namespace hostspin {

/// What can happen to a machine that its operators may want to search for. Events happen once;
/// alarms are raised, and cleared later. Name and MESSAGE_ID never change (hostspin(8)).
enum class EventKind {
  agent_started,
  agent_stopped,
  configuration_loaded,
  manifest_adopted,
  manifest_scheduled,  ///< a newer one is good, and this host's turn within `rollout` is to come
  roots_adopted,
  drift_repaired,
  foreign_edit_kept,     ///< bytes of another writer were put aside in the state directory
  newer_block_replaced,  ///< by the older seed, for lines that the root does not allow
  // From here on: alarms.
  configuration_refused,
  pass_failed,  ///< a child of the agent could not do its work, or could not be started
  block_not_written,
  nothing_held,
  manifest_expired,
  root_expired,
  state_lost,
  state_damaged,  ///< a stored file that does not verify
  held,
  own_name,  ///< a pin is left out, since the host says that the name is its own
  conflict,
  writer_fight,  ///< another program keeps reverting the block
  refresh_failed,
  manifest_refused,
  source_failed,
  address_down,
  probe_failed,
  rotated_keys,  ///< what is held is good only under an older root
};
inline constexpr std::size_t kEventKinds = static_cast<std::size_t>(EventKind::rotated_keys) + 1;

/// syslog's numbers.
enum class LogLevel { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

[[nodiscard]] std::string_view event_name(EventKind kind);
[[nodiscard]] std::string_view event_message_id(EventKind kind);  ///< 32 hex digits
[[nodiscard]] LogLevel event_level(EventKind kind);               ///< when raised
[[nodiscard]] bool is_alarm(EventKind kind);
[[nodiscard]] std::optional<EventKind> event_from_name(std::string_view name);

struct Event {
  EventKind kind = EventKind::pass_failed;
  bool cleared = false;  ///< alarms: its end
  std::string message;   ///< one line for people
  JournalFields fields;  ///< HOSTSPIN_… and their values
  /// Alarms: tells one that is told again from one that came again. Never logged; 0 = none.
  std::int64_t number = 0;
  [[nodiscard]] LogLevel level() const { return cleared ? LogLevel::notice : event_level(kind); }
};

/// The event with everything that an entry in the journal has: MESSAGE, MESSAGE_ID, PRIORITY,
/// SYSLOG_IDENTIFIER, HOSTSPIN_EVENT, for alarms HOSTSPIN_STATE, and its own fields.
[[nodiscard]] JournalFields journal_fields(const Event& event);

/// How a child tells its supervisor: one line, its parts separated by tabs, control characters made
/// blanks.
[[nodiscard]] std::string format_event_line(const Event& event);
/// Nothing for any other line.
[[nodiscard]] std::optional<Event> parse_event_line(std::string_view line);

/// "@hint KEY=VALUE WHY", by which a child tells its supervisor what to do next; the reason may be
/// empty, and is made one line.
struct Hint {
  std::string key;
  std::int64_t value = 0;
  std::string why;
};
[[nodiscard]] std::string format_hint_line(const Hint& hint);
[[nodiscard]] std::optional<Hint> parse_hint_line(std::string_view line);

/// Where a command's events go: to the supervisor that runs it, else to this machine's journal
/// where there is one.
void emit_events(Env& env, const CommonOptions& options, const std::vector<Event>& events);
/// A hint for the supervisor; nothing without one.
void give_hint(Env& env, const CommonOptions& options, std::string_view key, std::int64_t value,
               std::string_view why = {});

}  // namespace hostspin
