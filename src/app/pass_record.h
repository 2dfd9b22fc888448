#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "alarms.h"
#include "context.h"
#include "converge.h"
#include "hostspin/report.h"
#include "probe_book.h"
#include "reverts.h"
#include "standing.h"
#include "update_cycle.h"

/// What every pass leaves for people and machines that watch: telemetry, reverts, alarms, events,
/// metrics, and the touch of /run/hostspin/changed. The same whether the agent or a one-shot
/// command runs it, and nothing of it decides about a manifest. All of it is best effort.
namespace hostspin {

/// What the agent and the passes have found of late, for `status`.
struct Watch {
  std::int64_t agent_pid = 0;     ///< 0 = no agent is seen
  std::int64_t next_refresh = 0;  ///< seconds since 1970; 0 = none is known
  std::int64_t next_probe = 0;
  std::chrono::milliseconds backs_off{0};
  std::string fights_with;  ///< the other writer; empty in peace
  AlarmBook alarms;
  ProbeBook probes;
};
[[nodiscard]] Watch look_at_watch(Context& context);

/// How long the block is to be left alone, since another program keeps reverting it; 0 = not at
/// all.
[[nodiscard]] std::chrono::milliseconds back_off(Context& context);

/// A pass over the hosts file ended. The caller holds the lock. Hints the back-off that is now due,
/// and ends the alarms about what is not looked at any more. Fills in `applied.repaired`.
void record_pass(Context& context, const Standing& standing, Applied& applied);

/// Fills in `applied.repaired` of a preview as record_pass() would, and leaves nothing behind.
void rehearse_pass(Context& context, Applied& applied);

/// A pass could not be done at all. With a `context` the caller holds the lock; it is null where
/// not even the configuration could be read, or the lock not be had.
void record_failed_pass(Env& env, const CommonOptions& options, Context* context,
                        const Error& error);

/// The block was taken out, or its first line cleared, on purpose: that is nobody's doing. The
/// caller holds the lock.
void forget_block(Context& context);

/// The agent has read its configuration, or could not.
void record_configuration(Env& env, const CommonOptions& options, const Result<Context>& context);

/// A manifest was adopted after `before` (null for none), and written where that could be done. The
/// caller holds the lock.
void record_adoption(Context& context, const Standing& standing, const Adopted& adopted,
                     const Manifest* before);

/// An update cycle ended; what it adopted is booked already. Takes the lock by itself.
/// `by_hand`: of --from, which says nothing about the configured sources.
void record_refresh(Context& context, const Standing& standing, const CycleReport& report,
                    bool by_hand);
/// No cycle could be run.
void record_failed_refresh(Context& context, const Error& error);

/// A round of probes ended, or could not be run; one that is not whole, since it broke off, is
/// both. Takes the lock by itself.
void record_probes(Context& context, const ProbeReport& report, bool is_whole);
void record_failed_probes(Context& context, const Error& error);

}  // namespace hostspin
