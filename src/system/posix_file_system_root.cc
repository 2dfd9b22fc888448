// Opening a directory inside a root: an image's absolute symlinks must lead into the image.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "posix_file_system.h"

namespace hostspin {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
// openat2 gives EAGAIN where a rename made it lose sight of "..".
constexpr int kRacesMax = 16;

tl::unexpected<SysError> failed(int number = errno) {
  return tl::make_unexpected(SysError{number});
}

/// The next component of `path`, which is shortened; empty at its end.
std::string next_component(std::string_view& path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  const std::string_view component = path.substr(0, path.find('/'));
  path.remove_prefix(component.size());
  return std::string(component);
}

/// Without openat2: one component at a time, and no symlink is followed. ".." could only serve to
/// leave the root, since no symlink has brought us anywhere unexpected.
SysResult<Handle> walk(Handle root, std::string_view path, int flags) {
  int at = ::openat(root, ".", flags);
  if (at < 0) return failed();
  for (std::string component = next_component(path); !component.empty();
       component = next_component(path)) {
    const int next = component == ".." ? (errno = ELOOP, -1)
                                       : ::openat(at, component.c_str(), flags | O_NOFOLLOW);
    int number = next < 0 ? errno : 0;
    if (number == ENOTDIR) {  // what O_DIRECTORY | O_NOFOLLOW says of a symlink, too
      char target[1];
      if (::readlinkat(at, component.c_str(), target, sizeof target) >= 0) number = ELOOP;
    }
    (void)::close(at);
    if (next < 0) return failed(number);
    at = next;
  }
  return at;
}

}  // namespace

SysResult<Handle> PosixFileSystem::open_in_root(Handle root, const std::string& path, int flags) {
  if (openat2_) {
    struct open_how how {};
    how.flags = static_cast<unsigned>(flags);
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    for (int race = 0; race < kRacesMax; ++race) {
      const long opened = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
      if (opened >= 0) return static_cast<Handle>(opened);
      if (errno != EAGAIN) break;
    }
    // EPERM: filters of containers that are older than the call.
    if (errno != ENOSYS && errno != EPERM) return failed();
    openat2_ = false;
  }
  return walk(root, path, flags);
}

SysResult<Handle> PosixFileSystem::open_directory(const std::string& root,
                                                  const std::string& path) {
  return open_place(root, path, kDirectoryFlags);
}

SysResult<Handle> PosixFileSystem::open_path(const std::string& root, const std::string& path) {
  return open_place(root, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

SysResult<Handle> PosixFileSystem::open_place(const std::string& root, const std::string& path,
                                              int flags) {
  const bool whole_machine = root.empty() || root == "/";
  if (!whole_machine) below_root_ = true;
  const int opened = ::open(whole_machine ? path.c_str() : root.c_str(),
                            whole_machine ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return failed();
  if (whole_machine) return opened;
  SysResult<Handle> inside = open_in_root(opened, path, flags);
  (void)::close(opened);  // only a place to start from
  return inside;
}

}  // namespace hostspin
