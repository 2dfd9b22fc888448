#pragma once

#include <string>

#include "hostspin/result.h"

namespace hostspin::desk {

/// Refuses a place where a draft would stand in the way of hosts: a file with signature lines,
/// which they may be fetching, and `root/<N>.note`, where they look for the next root. Errc::usage;
/// `hint` is for the file with signature lines.
Result<void> check_draft_place(const std::string& path, const std::string& hint);

}  // namespace hostspin::desk
