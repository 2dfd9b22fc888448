#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "clock.h"
#include "file_system.h"
#include "hostspin/result.h"
#include "termination_hold.h"

namespace hostspin {

/// /run/hostspin/lock (0600), held while state and hosts file are written; only hostspin honours
/// it. Released by the destructor, or by the kernel when the process dies. While it is held
/// SIGTERM, SIGINT and SIGHUP wait: a hosts file written in place is not left half written, nor a
/// manifest kept that is not in the block.
class Lock {
 public:
  /// Waits at most `limit`; Errc::busy after it.
  static Result<Lock> take(FileSystem& fs, Clock& clock, const std::string& root,
                           std::chrono::milliseconds limit);
  /// The process that holds it, for messages; 0 = none that is known.
  static std::int64_t holder(FileSystem& fs, const std::string& root);
  Lock(Lock&& other) noexcept;
  Lock& operator=(Lock&&) = delete;
  ~Lock();

 private:
  Lock(FileSystem& fs, Handle handle) : fs_(&fs), handle_(handle) {}
  FileSystem* fs_;
  Handle handle_;
  TerminationHold hold_;
};

}  // namespace hostspin
