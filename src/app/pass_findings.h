#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "alarms.h"
#include "context.h"
#include "converge.h"
#include "standing.h"
#include "telemetry.h"
#include "update_cycle.h"

namespace hostspin {

/// The alarms that an update cycle judges.
inline constexpr std::array kRefreshAlarms{EventKind::refresh_failed, EventKind::manifest_refused,
                                           EventKind::source_failed};

/// What one pass has to say: all that is wrong now, as far as it `judged`, and what happened.
struct Books {
  Telemetry telemetry;
  std::vector<EventKind> judged;
  std::vector<Alarm> alarms;
  std::vector<Event> events;
  std::optional<std::string> asked;  ///< the one source that was asked; nothing = all of them
  bool new_root = false;             ///< what was refused under the root before is void

  void judge(std::span<const EventKind> kinds) {
    judged.insert(judged.end(), kinds.begin(), kinds.end());
  }
};

/// The alarms that stand by what is held: none, expired, stored files that do not verify. Judges
/// every alarm of a pass over the hosts file.
void book_manifest(const Standing& standing, const Applied& applied, Books& books);
/// What was found in and around the hosts file.
void book_file(const Context& context, const Applied& applied, bool drifted, Books& books);

/// Whether the trusted root has expired, and whether what is held is good only under an older one.
/// Part of book_manifest(), and all that a cycle which only brings a root can judge.
void book_root(const Standing& standing, Books& books);
/// That what is held now was adopted after `before` (null for none), and what that changed.
void book_adoption(const Standing& standing, const Manifest* before, Books& books);
/// What else a cycle brought; `waited_for` is the version that was known to wait before it.
void book_cycle_events(const Standing& standing, const CycleReport& report, std::int64_t waited_for,
                       Books& books);
/// How each source fared.
void book_sources(const CycleReport& report, Books& books);

}  // namespace hostspin
