#pragma once

#include <cstdint>
#include <set>

namespace hostspin {

/// What this kernel's Landlock can do; 0 for nothing.
[[nodiscard]] int landlock_abi();
/// No file can be opened, made, run or removed any more, no TCP port bound (ABI 4), no abstract
/// socket and no process outside reached (ABI 6). Descriptors that are open stay. False if the
/// kernel refuses.
bool landlock_everything(int abi);
/// TCP connections to `ports` alone; needs ABI 4.
bool landlock_ports(const std::set<std::uint16_t>& ports);

}  // namespace hostspin
