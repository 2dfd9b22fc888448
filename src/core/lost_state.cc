#include "hostspin/lost_state.h"

#include <algorithm>

namespace hostspin {

std::optional<std::pair<std::int64_t, std::int64_t>> header_floor(const BlockHeader& header,
                                                                  const RootDocument& trusted) {
  if (header.fleet != trusted.fleet || !header.epoch || !header.version) return std::nullopt;
  const std::int64_t root = header.root.value_or(trusted.version);
  if (root > trusted.version + kHeaderRootsAheadMax) return std::nullopt;
  const std::pair said{*header.epoch, *header.version};
  if (root >= trusted.version) return said;
  return std::min(said, std::pair{trusted.manifest.epoch, trusted.manifest.min_version});
}

bool is_within(const FoundBlock& block, const ManifestRole& role) {
  if (block.foreign_lines > 0) return false;
  return std::all_of(block.pins.begin(), block.pins.end(), [&](const Pin& pin) {
    const bool named = std::any_of(role.names.begin(), role.names.end(),
                                   [&](const NamePattern& p) { return p.matches(pin.name); });
    const bool placed = std::any_of(role.networks.begin(), role.networks.end(),
                                    [&](const Prefix& p) { return p.contains(pin.address); });
    return named && placed && !is_reserved(pin.name) && !is_forbidden(pin.address);
  });
}

}  // namespace hostspin
