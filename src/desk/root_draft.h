#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "command.h"
#include "hostspin/root.h"

namespace hostspin::desk {

inline constexpr std::int64_t kThresholdMax = 16;
inline constexpr std::int64_t kVersionMax = (std::int64_t{1} << 53) - 1;

/// Each text as a name pattern, or a network; the first that is none is the error.
Result<std::vector<NamePattern>> read_names(const std::vector<std::string>& texts);
Result<std::vector<Prefix>> read_networks(const std::vector<std::string>& texts);

/// Checks a root's text as clients will, warns of what signing it will ask about, and puts it where
/// it was asked for: a new file, but none that hosts fetch, or standard output.
Result<void> deliver_root(Desk& desk, const std::string& text, const std::string& out);

/// "  2 of its own root keys: alice, bob, carol".
[[nodiscard]] std::string must_sign(const KeyRing& ring, std::string_view what);

}  // namespace hostspin::desk
