#pragma once

#include "alarms.h"
#include "context.h"
#include "pass_findings.h"

namespace hostspin {

/// Judges alarms and tells what has begun and ended, and what a pass before this one may not have
/// told. An alarm is told only where it could be booked, else nobody would know later that it is
/// over: the supervisor hears that there was something, and says so until it can be. `lock` is
/// whether it is held: without it two passes would undo what the other has booked.
AlarmBook tell_alarms(Env& env, const CommonOptions& options, Books& books, bool lock);

}  // namespace hostspin
