#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "context.h"
#include "update_cycle.h"

namespace hostspin {

inline constexpr std::size_t kDriftsKept = 10;
/// What a pass can find, the worst that applies.
inline constexpr std::array<std::string_view, 10> kPassStates{
    "ok",           "own_name",   "nothing_held", "expired",     "rotated_keys",
    "root_expired", "state_lost", "held",         "not_written", "no_trust_root"};

/// What the machine remembers for people and metrics (status.json). Nothing that decides anything
/// ever reads it, so a lost or edited one does no harm. Times are seconds since 1970, 0 = never.
struct Telemetry {
  struct SourceAttempt {
    std::string label;
    std::string outcome;  ///< ok, refused, failed, lagging
    std::string detail;
    std::int64_t last_fine = 0;  ///< when it last was ok
  };
  /// The block was found altered or gone, and put right.
  struct DriftRepair {
    std::int64_t time = 0;
    std::string what;  ///< a Drift's name
    std::string writer;
  };
  /// What the last pass found; the state is one of kPassStates.
  struct Facts {
    std::string state;
    std::string fleet;
    std::int64_t epoch = 0;
    std::int64_t version = 0;  ///< of the held manifest; 0 = none
    std::string sha256;
    std::int64_t issued = 0;
    std::int64_t expires = 0;
    std::int64_t root_version = 0;
    std::int64_t root_expires = 0;
    std::int64_t lines = 0;
    std::int64_t conflicts = 0;
    std::int64_t own_names = 0;  ///< left out, and not acknowledged
    bool in_sync = false;
    bool held = false;
  };

  Facts facts;
  std::string block_mark;       ///< Applied::mark of the block that was last written, or seen right
  std::int64_t last_write = 0;  ///< of the block
  std::int64_t last_refresh_attempt = 0;
  std::int64_t last_refresh_success = 0;  ///< adopted, confirmed or scheduled
  std::string last_outcome;               ///< of the last refresh
  std::int64_t last_refusal = 0;
  std::string last_refusal_detail;
  /// Good, and this host's turn is to come; version 0 = none.
  std::int64_t scheduled_epoch = 0;
  std::int64_t scheduled_version = 0;
  std::string scheduled_sha256;
  std::int64_t adopts_at = 0;
  std::vector<SourceAttempt> sources;  ///< of the last refresh
  /// What sources, by label, called the manifest note with the digest `etags_of`. A hint: what a
  /// source then says is judged like any offer.
  std::map<std::string, std::string> etags;
  std::string etags_of;
  std::map<std::string, std::int64_t> refresh_failures;  ///< by reason, ever
  std::int64_t drift_repairs = 0;                        ///< ever
  std::vector<DriftRepair> drifts;                       ///< the last ones, newest last
};

/// Defaults where there is none, or none that can be read.
[[nodiscard]] Telemetry load_telemetry(Context& context);
/// Best effort: a full or read-only disk costs the telemetry, not the pass, and /run/hostspin keeps
/// it until the next boot. Unchanged telemetry is not written. The caller holds the lock.
void store_telemetry(Context& context, const Telemetry& telemetry);

/// The ETags that stand for the note with that digest; none where they were of another.
[[nodiscard]] std::map<std::string, std::string> known_etags(const Telemetry& telemetry,
                                                             const std::string& digest);

/// What is known to wait for its turn. A hint, like the ETags.
[[nodiscard]] std::optional<ScheduledOffer> awaited_offer(const Telemetry& telemetry);

/// Whether another program has altered the block: it is not the one that was last written, or seen
/// right. Where that is not known, or it was of another file, what the block says of itself
/// decides. The manifest and this machine's own name may have changed since: that is nobody's
/// doing.
[[nodiscard]] bool was_altered(const Telemetry& telemetry, const Applied& applied);

/// Takes in a pass over the hosts file. True where somebody else had altered the block; what
/// an adoption wrote is never that, also where another pass has booked the new block before it.
bool record_apply(Telemetry& telemetry, const Standing& standing, const Applied& applied,
                  bool is_adoption, std::int64_t now);
/// Takes in a cycle. One `by_hand` (--from) says nothing about the configured sources: what they
/// said last, call the manifest and have to wait for stays.
void record_cycle(Telemetry& telemetry, const Standing& standing, const CycleReport& report,
                  bool by_hand, std::int64_t now);
/// No cycle could be run, for the reason with this stable name.
void record_failed_cycle(Telemetry& telemetry, const std::string& code, std::int64_t now);

}  // namespace hostspin
