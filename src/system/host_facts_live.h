#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hostspin {

inline constexpr std::size_t kMountTableBytesMax = 16U << 20U;
inline constexpr int kProcessesMax = 65536;
inline constexpr std::size_t kStaleMountsMax = 64;

/// A mount namespace (a container, mostly) that has the hosts file of before a replacement mounted:
/// it sees no change any more.
struct StaleMount {
  std::int64_t process = 0;  ///< the lowest process number in it
  std::string command;       ///< that process's name, as the kernel tells it
  std::string mount_point;   ///< as that process sees it
  int processes = 1;         ///< how many are in it
};

/// What only the running kernel knows.
struct LiveFacts {
  std::string kernel_release;
  std::uint32_t user = 0;    ///< effective
  bool read_only = false;    ///< the file system of its directory is
  bool mount_point = false;  ///< as the mount table says
  std::vector<StaleMount>
      stale_mounts;  ///< where root looks, and only of the running system's file
  bool saw_all_processes = false;
};

/// About the file at `path` (symlinks resolved, as seen from `root`).
[[nodiscard]] LiveFacts read_live_facts(const std::string& root, const std::string& path);

/// One line of /proc/PID/mountinfo (proc(5)), escapes undone.
struct MountLine {
  std::string root;  ///< which part of its file system is mounted
  std::string mount_point;
};
[[nodiscard]] std::vector<MountLine> parse_mountinfo(std::string_view text);

/// Whether `line` is a replaced file `name` (or what it was called on its way out) still mounted.
[[nodiscard]] bool is_stale(const MountLine& line, std::string_view name);

}  // namespace hostspin
