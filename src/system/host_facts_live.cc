#include "host_facts_live.h"

#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "owned_fd.h"
#include "path_text.h"
#include "posix_file_system.h"

namespace hostspin {

LiveFacts read_live_facts(const std::string& root, const std::string& path) {
  LiveFacts facts;
  utsname kernel = {};
  if (uname(&kernel) == 0) facts.kernel_release = kernel.release;
  facts.user = geteuid();

  const PathParts parts = split_path(path);
  PosixFileSystem fs;
  const OwnedFd directory(fs.open_directory(root, parts.directory).value_or(-1));
  struct statvfs volume = {};
  facts.read_only = fstatvfs(directory.get(), &volume) == 0 && (volume.f_flag & ST_RDONLY) != 0;

  const std::string real =
      join_path(proc_link("/proc/self/fd/" + std::to_string(directory.get())), parts.name);
  const std::vector<MountLine> mounts =
      parse_mountinfo(read_proc("/proc/self/mountinfo", kMountTableBytesMax,
                                std::chrono::steady_clock::now() + kProcessScanMax)
                          .bytes);
  facts.mount_point = std::any_of(mounts.begin(), mounts.end(),
                                  [&](const MountLine& line) { return line.mount_point == real; });
  return facts;
}

}  // namespace hostspin
