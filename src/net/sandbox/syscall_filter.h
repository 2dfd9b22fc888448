#pragma once

namespace hostspin {

enum class Program;

/// From here on only the system calls that `program` needs, with the arguments that it needs: any
/// other fails with EPERM, that of another architecture as well, and nothing is killed. ENOSYS is
/// never said: no call that a C library tries first has a fallback that would be let through. False
/// if the kernel refuses the filter.
bool filter_system_calls(Program program);

}  // namespace hostspin
