#pragma once

#include <string_view>

#include "hostspin/note.h"
#include "hostspin/result.h"

namespace hostspin {

/// The signature half of open_note(), for a note that was split from `bytes` already: a root is
/// checked against two key rings.
Result<VerifiedNote> open_split(SplitNote note, std::string_view bytes, const KeyRing& keys);

}  // namespace hostspin
