#include "file_watch.h"

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace hostspin {
namespace {

constexpr std::uint32_t kMask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                IN_DELETE | IN_ATTRIB | IN_MOVE_SELF | IN_ONLYDIR;

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

Result<FileWatch> FileWatch::open(const std::string& path) {
  const int inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify < 0) {
    return {Errc::io_error, std::string("cannot watch files: ") + std::strerror(errno)};
  }
  FileWatch watch(path, inotify, ::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  (void)watch.rearm();  // the caller looks anyway
  return watch;
}

FileWatch::FileWatch(FileWatch&& other) noexcept
    : path_(std::move(other.path_)),
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

bool FileWatch::rearm() {
  // On a directory that is watched already this gives the number that it has; a failure leaves the
  // sweep.
  const auto is_other = [&](const std::string& directory, int& watch) {
    const int before = std::exchange(watch, inotify_add_watch(inotify_, directory.c_str(), kMask));
    return watch != before;
  };
  name_ = name_of(path_);
  bool other = is_other(directory_of(path_), directory_watch_);
  const std::unique_ptr<char, decltype(&std::free)> target(realpath(path_.c_str(), nullptr),
                                                           &std::free);
  target_name_ = target ? name_of(target.get()) : name_;
  if (target) other = is_other(directory_of(target.get()), target_watch_) || other;
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
  struct stat status {};
  if (stat(path_.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino};
}

}  // namespace hostspin
