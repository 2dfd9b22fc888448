#pragma once

#include "hostspin/result.h"

namespace hostspin {

/// Before anything is read: an empty environment (RES_OPTIONS, LOCALDOMAIN, HOSTALIASES and the
/// like would bend the answers), nobody's rights instead of root's, no new ones, no core, no file
/// written. What the kernel lacks of the latter is done without: the unit's sandbox says the same
/// again. Errc::denied where root's rights cannot be given up.
Result<void> enter_ask_sandbox();

}  // namespace hostspin
