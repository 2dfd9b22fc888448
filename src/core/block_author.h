#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "hostspin/hosts_file.h"

// Who wrote a block: hostspin, which leaves the machine's own name out, or another program.

namespace hostspin {

/// A digest of a block's bytes, whatever trust root it was written under: one text for one block,
/// by which what was last written is known again.
[[nodiscard]] std::string block_mark(std::string_view block);

/// The names of `manifest` that `block` leaves out, where it is, byte for byte, the block that
/// hostspin writes for it on some machine: one that has these names, a name with and without its
/// domain, for its own, or none. Nothing for any other block.
[[nodiscard]] std::optional<std::set<HostName>> names_left_out(const FoundBlock& block,
                                                               const AdmittedManifest& manifest);

}  // namespace hostspin
