#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "stale_mounts.h"

namespace hostspin {

/// What only the running kernel knows.
struct LiveFacts {
  std::string kernel_release;
  std::uint32_t user = 0;    ///< effective
  bool read_only = false;    ///< the file system of its directory is
  bool mount_point = false;  ///< as the mount table says
  /// What other processes see, where root looks, and only of the running system's file; absent:
  /// looked for when all else has been.
  std::optional<StaleMounts> stale_mounts;
};

/// About the file at `path` (symlinks resolved, as seen from `root`).
[[nodiscard]] LiveFacts read_live_facts(const std::string& root, const std::string& path);

}  // namespace hostspin
