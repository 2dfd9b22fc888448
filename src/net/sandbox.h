#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace hostspin {

/// Gives up whatever a process that reads the network does not need: uid 0 (for `uid`), groups,
/// capabilities, inherited descriptors above 2, the environment, core dumps, files written, new
/// processes, new privileges; by Landlock every file and TCP bind; by seccomp every system call
/// outside a short list. For good. To be called before a byte of input is read and before any
/// library starts. Returns what the kernel would not do, a sentence each; empty where all of it
/// holds.
[[nodiscard]] std::vector<std::string> enter_sandbox(std::uint32_t uid);

/// Further, once all is known that will be asked: TCP connections to `ports` alone. False where the
/// kernel cannot (Landlock before its ABI 4).
bool restrict_ports(const std::set<std::uint16_t>& ports);

}  // namespace hostspin
