#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "events.h"

namespace hostspin {

/// How many alarms about addresses and sources are told apart at a time; no more are listed.
inline constexpr std::size_t kAlarmsMax = 256;
/// And how many of all other kinds: a partition with every address down must not hide what else is
/// wrong.
inline constexpr std::size_t kAlarmsReserved = 64;
/// All of the former may end as as many others begin.
inline constexpr std::size_t kUntoldMax = 2 * kAlarmsMax;

/// Something that is not as it should be, for as long as it is so.
struct Alarm {
  EventKind kind = EventKind::pass_failed;
  std::string object;  ///< what it is about, where there may be several: a source, an address
  std::string detail;  ///< one line for people
  JournalFields fields;
  std::int64_t since = 0;  ///< seconds since 1970
};

/// Which alarms stand, so that each is told once when it begins and once when it ends. Kept in
/// /run/hostspin: a new boot tells anew what it finds.
class AlarmBook {
 public:
  static AlarmBook parse(std::string_view text);
  [[nodiscard]] std::string format() const;

  /// `active` is all that is wrong now as far as `judged` kinds go. Returns what has begun and
  /// ended.
  std::vector<Event> judge(std::span<const EventKind> judged, std::vector<Alarm> active,
                           std::int64_t now);

  /// What has begun and ended and may not have been told yet: a pass that is killed after it has
  /// booked leaves it to the next one. Bounded; the oldest goes first.
  [[nodiscard]] const std::vector<Event>& untold() const { return untold_; }
  /// The first so many of them are told.
  void forget_untold(std::size_t count);

  [[nodiscard]] const std::vector<Alarm>& standing() const { return standing_; }

 private:
  std::vector<Alarm> standing_;
  std::vector<Event> untold_;
  std::int64_t last_number_ = 0;  ///< of an event; 0 = none in this book yet
};

}  // namespace hostspin
