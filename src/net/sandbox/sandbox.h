#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "hostspin/result.h"

namespace hostspin {

/// Whose sandbox: that of the worker which fetches and probes, or of the one that asks the
/// machine's resolver. They differ in what syscall_filter.h and landlock.h say beside each of them.
enum class Program { net, ask };

/// Gives up whatever a process that reads the network does not need: uid 0 (for worker_identity()),
/// groups, capabilities, inherited descriptors above 2, the environment, core dumps, files written,
/// new privileges; by Landlock files and foreign ports; by seccomp every system call, and every
/// argument of one, outside a short list, which then fails with EPERM. For good. SIGPIPE and
/// SIGXFSZ are ignored from here on: a line that nobody takes is no reason to lose the others.
///
/// To be called before a byte of input is read and before any library starts. Returns what is to be
/// told in the worker's opening lines, a sentence each: "sandbox: " and what the kernel would not
/// do, "user: " where it is no account's, "addresses: " where no unit filters them. Where root has
/// no user to become, worker_identity()'s error, and nothing is given up: the worker is to end.
[[nodiscard]] Result<std::vector<std::string>> enter_sandbox(Program program);

/// Further, for Program::net, once all is known that will be asked: TCP connections to `ports`
/// alone. False where the kernel cannot (Landlock before its ABI 4).
bool restrict_ports(const std::set<std::uint16_t>& ports);

}  // namespace hostspin
