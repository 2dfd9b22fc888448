#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hostspin {

/// Of this process's own mounts, and of all others together: what is above it is not looked at.
inline constexpr std::size_t kMountTableBytesMax = 16U << 20U;
/// Of one other mount namespace: a container has some ten kilobytes.
inline constexpr std::size_t kOtherTableBytesMax = 1U << 20U;
inline constexpr int kProcessesMax = 65536;
inline constexpr std::size_t kStaleMountsMax = 64;
/// For all of it: whoever can start processes can make the list of them long.
inline constexpr std::chrono::milliseconds kProcessScanMax{1000};

/// A mount namespace (a container, mostly) that has the hosts file of before a replacement mounted:
/// it sees no change any more.
struct StaleMount {
  std::int64_t process = 0;  ///< the lowest process number in it
  std::string command;       ///< that process's name, as the process tells it
  std::string mount_point;   ///< as that process sees it
  int processes = 1;         ///< how many are in it
  /// Of whom the namespace is: made without any right over this machine, it may show whatever this
  /// user likes. 0 = made by root.
  std::uint32_t user = 0;
};

struct StaleMounts {
  std::vector<StaleMount> found;
  bool saw_all = false;
};

/// Looks through every mount namespace until `deadline`, those that root made first, so that nobody
/// else's can keep one of them from being seen. `name` is the hosts file's.
[[nodiscard]] StaleMounts find_stale_mounts(const std::string& name,
                                            std::chrono::steady_clock::time_point deadline);

/// The bytes of a file in /proc, at most `bytes_max` and no longer than until `deadline`.
struct ProcText {
  std::string bytes;
  bool whole = false;
};
[[nodiscard]] ProcText read_proc(const std::string& path, std::size_t bytes_max,
                                 std::chrono::steady_clock::time_point deadline);
/// What a link in /proc says; empty where it cannot be read.
[[nodiscard]] std::string proc_link(const std::string& path);

/// One line of /proc/PID/mountinfo (proc(5)), escapes undone.
struct MountLine {
  std::string root;  ///< which part of its file system is mounted
  std::string mount_point;
};
[[nodiscard]] std::vector<MountLine> parse_mountinfo(std::string_view text);

/// Whether `line` is a replaced file `name` (or what it was called on its way out) still mounted.
[[nodiscard]] bool is_stale(const MountLine& line, std::string_view name);

}  // namespace hostspin
