#pragma once

#include <string_view>

#include "file_system.h"
#include "hostspin/result.h"
#include "target.h"

namespace hostspin {

/// A system call that failed on the way to replacing `target`, named so that an operator knows what
/// to change. `file` is the present one, null where there is none.
[[nodiscard]] Error explain_refusal(FileSystem& fs, const Target& target, const ReadFile* file,
                                    int number, std::string_view action);

/// Errc::immutable where chattr has forbidden what is about to be done: found before a temporary
/// file is made, which an append-only directory would not let go of.
Result<void> check_flags(FileSystem& fs, const Target& target, const ReadFile* file);

}  // namespace hostspin
