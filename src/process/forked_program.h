#pragma once

#include <sys/types.h>

#include <vector>

namespace hostspin {

/// How another program is started.
struct ProgramStart {
  /// Where it may stand: the first that there is and may be run.
  std::vector<const char*> paths;
  std::vector<char*> arguments;  ///< its own name first, a null pointer last
  /// What becomes its standard streams; -1 leaves what this program has.
  int input = -1;
  int output = -1;
  int diagnostics = -1;
  /// Every signal as by default and none blocked; else as whoever started us has set them.
  bool default_signals = false;
};

/// Forks, and runs the program in the child with our environment. 0 once it runs, or the errno of
/// what failed, with no child left. Not by posix_spawn(3): that asks for clone3(2), which glibc
/// replaces where a kernel lacks it (ENOSYS), but not where a filter older than the call refuses it
/// (EPERM), as those of systemd 239 and of Docker before 20.10.10 do. fork(3) makes the call that
/// every kernel and filter knows. For programs of one thread.
int start_program(const ProgramStart& start, pid_t& child);

}  // namespace hostspin
