#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "hostspin/hosts_file.h"
#include "hostspin/root.h"

namespace hostspin {

// The present block's header as memory of last resort, where no stored manifest verifies: rule (iv)
// of hostspin-trust(7).

/// How far the root that a header names may be ahead of the trusted one, whose successors may be lost
/// as well: as many as one update cycle follows.
inline constexpr std::int64_t kHeaderRootsAheadMax = 256;

/// The (epoch, version) below which nothing may be adopted, as far as `header` still counts under
/// `trusted`. Nothing where it is of another fleet, gives no epoch or version, or names a root too far
/// ahead. Under a root later than the header's it counts no further than that root's epoch and
/// min_version, which anything admitted meets: publishing a root cures a wrong header. A header
/// without a root, from before there was one, counts as if it named the trusted one.
[[nodiscard]] std::optional<std::pair<std::int64_t, std::int64_t>> header_floor(
    const BlockHeader& header, const RootDocument& trusted);

/// Whether every line of the block is one that a manifest under `role` could have made.
[[nodiscard]] bool is_within(const FoundBlock& block, const ManifestRole& role);

}  // namespace hostspin
