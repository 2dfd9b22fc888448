#pragma once

namespace hostspin {

/// From here on only the system calls that an event loop over sockets needs; any other fails with
/// EPERM. False if the kernel refuses the filter.
bool filter_system_calls();

}  // namespace hostspin
