#pragma once

#include <cstdint>
#include <set>

namespace hostspin {

enum class Program;

/// From here on Landlock knows TCP ports (Linux 6.7).
inline constexpr int kLandlockAbiPorts = 4;

/// What this kernel's Landlock can do; 0 for nothing.
[[nodiscard]] int landlock_abi();
/// No file can be written, made, run or removed any more, nor read but by Program::ask, whose NSS
/// modules are files; no TCP port bound, and none but DNS's connected to by Program::ask (ABI 4);
/// no abstract socket and no process outside reached (ABI 6). Descriptors that are open stay. False
/// if the kernel refuses.
bool landlock_files(int abi, Program program);
/// TCP connections to `ports` alone; needs kLandlockAbiPorts.
bool landlock_ports(const std::set<std::uint16_t>& ports);

}  // namespace hostspin
