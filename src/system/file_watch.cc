#include "file_watch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "owned_fd.h"
#include "path_text.h"
#include "posix_file_system.h"
#include "target.h"

namespace hostspin {
namespace {

constexpr std::uint32_t kMask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                IN_DELETE | IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR;

}  // namespace

Result<FileWatch> FileWatch::open(const std::string& root, const std::string& path) {
  const int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify < 0) {
    return {Errc::io_error, std::string("cannot watch files: ") + std::strerror(errno)};
  }
  FileWatch watch(root, path, inotify, ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  (void)watch.rearm();  // the caller looks anyway
  return watch;
}

FileWatch::FileWatch(FileWatch&& other) noexcept
    : root_(std::move(other.root_)),
      path_(std::move(other.path_)),
      name_(std::move(other.name_)),
      target_name_(std::move(other.target_name_)),
      inotify_(std::exchange(other.inotify_, -1)),
      mounts_(std::exchange(other.mounts_, -1)),
      directory_watch_(other.directory_watch_),
      target_watch_(other.target_watch_) {}

FileWatch::~FileWatch() {
  if (inotify_ >= 0) (void)close(inotify_);
  if (mounts_ >= 0) (void)close(mounts_);
}

int FileWatch::watch_directory(int directory, const std::string& path) const {
  const std::string shown = root_ == "/" ? path : "/proc/self/fd/" + std::to_string(directory);
  return inotify_add_watch(inotify_, shown.c_str(), kMask);
}

bool FileWatch::rearm() {
  // On a directory that is watched already this gives the number that it has; a failure leaves the
  // sweep.
  const auto is_other = [&](int directory, const std::string& path, int& watch) {
    const int before = std::exchange(watch, watch_directory(directory, path));
    return watch != before;
  };
  PosixFileSystem fs;
  const PathParts parts = split_path(path_);
  name_ = parts.name;
  const OwnedFd directory(fs.open_directory(root_, parts.directory).value_or(-1));
  bool other = is_other(directory.get(), parts.directory, directory_watch_);
  const Result<Target> target = open_target(fs, root_, path_);
  target_name_ = target ? target->name : name_;
  if (target) {
    other = is_other(target->directory.get(), target->directory_path, target_watch_) || other;
  }
  return other;
}

bool FileWatch::drain() {
  alignas(inotify_event) std::array<char, 8192> buffer{};
  bool concerned = false;
  while (true) {
    const ssize_t got = read(inotify_, buffer.data(), buffer.size());
    if (got <= 0) return concerned;
    for (std::size_t at = 0; at + sizeof(inotify_event) <= static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* name = buffer.data() + at + sizeof event;
      const std::string_view text(name, event.len == 0 ? 0 : strnlen(name, event.len));
      const bool lost =
          (event.mask & (IN_Q_OVERFLOW | IN_IGNORED | IN_UNMOUNT | IN_MOVE_SELF)) != 0;
      // A directory that went elsewhere is not the file's any more; rearm() finds the one that is.
      if ((event.mask & IN_MOVE_SELF) != 0) (void)inotify_rm_watch(inotify_, event.wd);
      concerned = concerned || lost || text == name_ || text == target_name_;
      at += sizeof event + event.len;
    }
  }
}

FileWatch::Stamp FileWatch::stamp() const {
  PosixFileSystem fs;
  const Result<Target> target = open_target(fs, root_, path_);
  if (!target) return {};
  const SysResult<FileStatus> status = fs.status_at(target->directory.get(), target->name);
  return status ? Stamp{status->device, status->inode} : Stamp();
}

}  // namespace hostspin
