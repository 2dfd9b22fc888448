#include "posix_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <memory>

#include "owned_fd.h"
#include "path_text.h"

namespace hostspin {
namespace {

// The kernel's own bound on the value of one extended attribute (XATTR_SIZE_MAX) and on their list.
constexpr std::size_t kAttributeBytesMax = 65536;
constexpr std::size_t kDirectoryEntriesMax = 1U << 20U;

tl::unexpected<SysError> failed(int number = errno) {
  return tl::make_unexpected(SysError{number});
}

SysResult<void> done(int result) {
  if (result < 0) return failed();
  return {};
}

SysResult<Handle> opened(int result) {
  if (result < 0) return failed();
  return result;
}

FileStatus to_status(const struct stat& raw) {
  FileStatus status;
  status.kind = S_ISREG(raw.st_mode)   ? FileStatus::Kind::regular
                : S_ISDIR(raw.st_mode) ? FileStatus::Kind::directory
                : S_ISLNK(raw.st_mode) ? FileStatus::Kind::symlink
                                       : FileStatus::Kind::other;
  status.device = raw.st_dev;
  status.inode = raw.st_ino;
  status.mode = raw.st_mode & 07777U;
  status.owner = raw.st_uid;
  status.group = raw.st_gid;
  status.links = raw.st_nlink;
  status.size = static_cast<std::uint64_t>(raw.st_size);
  status.mtime_ns = std::int64_t{raw.st_mtim.tv_sec} * 1'000'000'000 + raw.st_mtim.tv_nsec;
  return status;
}

// O_NONBLOCK: a FIFO in the file's place must not hang us. It means nothing for a regular file.
constexpr int kFileFlags = O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

}  // namespace

/// What has been looked at is what is opened: opening a device alone may do something.
SysResult<Handle> PosixFileSystem::open_regular(Handle directory, const std::string& name,
                                                int flags) {
  if (!below_root_) return opened(::openat(directory, name.c_str(), flags));
  const OwnedFd seen(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!seen.is_open()) return failed();
  struct stat raw {};
  if (::fstat(seen.get(), &raw) < 0) return failed();
  if (S_ISLNK(raw.st_mode)) return failed(ELOOP);
  if (S_ISDIR(raw.st_mode)) return failed(EISDIR);
  if (!S_ISREG(raw.st_mode)) return failed(ENXIO);
  const std::string again = "/proc/self/fd/" + std::to_string(seen.get());
  const int file = ::open(again.c_str(), flags & ~O_NOFOLLOW);
  if (file >= 0 || errno != ENOENT) return opened(file);
  // Without /proc, as in a bare chroot, the name must do.
  return opened(::openat(directory, name.c_str(), flags));
}

SysResult<Handle> PosixFileSystem::open_read(Handle directory, const std::string& name) {
  return open_regular(directory, name, O_RDONLY | kFileFlags);
}

SysResult<Handle> PosixFileSystem::open_write(Handle directory, const std::string& name) {
  return open_regular(directory, name, O_RDWR | kFileFlags);
}

SysResult<Handle> PosixFileSystem::create(Handle directory, const std::string& name) {
  return opened(::openat(directory, name.c_str(), O_RDWR | O_CREAT | O_EXCL | kFileFlags, 0600));
}

SysResult<void> PosixFileSystem::make_directory(const std::string& root, const std::string& path,
                                                std::uint32_t mode) {
  const PathParts parts = split_path(path);
  // A place to make something in need not be readable, and AppArmor's profile does not say so.
  SysResult<Handle> parent = open_place(root, parts.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (!parent) return failed(parent.error().number);
  const OwnedFd place(*parent);
  if (::mkdirat(place.get(), parts.name.c_str(), mode) < 0) return failed();
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const OwnedFd made(::openat(place.get(), parts.name.c_str(), kFlags));
  struct stat raw {};
  if (!made.is_open() || ::fstat(made.get(), &raw) < 0) return failed();
  // The umask, or a set-group-ID bit from above.
  return (raw.st_mode & 07777U) == mode ? SysResult<void>() : done(::fchmod(made.get(), mode));
}

SysResult<void> PosixFileSystem::close(Handle handle) { return done(::close(handle)); }

SysResult<std::string> PosixFileSystem::read_link(Handle directory, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(directory, name.c_str(), target.data(), target.size());
  if (size < 0) return failed();
  if (static_cast<std::size_t>(size) == target.size()) return failed(ENAMETOOLONG);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

SysResult<FileStatus> PosixFileSystem::status_at(Handle directory, const std::string& name) {
  struct stat raw {};
  if (::fstatat(directory, name.c_str(), &raw, AT_SYMLINK_NOFOLLOW) < 0) return failed();
  return to_status(raw);
}

SysResult<FileStatus> PosixFileSystem::status(Handle handle) {
  struct stat raw {};
  if (::fstat(handle, &raw) < 0) return failed();
  return to_status(raw);
}

SysResult<std::vector<std::string>> PosixFileSystem::list(Handle directory) {
  // A descriptor of its own: closedir() closes it, and the position is not shared.
  const int own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return failed();
  const auto close_stream = [](DIR* stream) { (void)::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close_stream)> stream(::fdopendir(own), close_stream);
  if (!stream) {
    const int number = errno;
    (void)::close(own);
    return failed(number);
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) {
      if (errno != 0) return failed();
      return names;
    }
    const std::string_view name = static_cast<const char*>(entry->d_name);
    if (name == "." || name == "..") continue;
    if (names.size() == kDirectoryEntriesMax) return failed(E2BIG);
    names.emplace_back(name);
  }
}

SysResult<std::string> PosixFileSystem::read(Handle handle, std::uint64_t offset,
                                             std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t count = ::pread(handle, bytes.data(), size, static_cast<off_t>(offset));
  if (count < 0) return failed();
  bytes.resize(static_cast<std::size_t>(count));
  return bytes;
}

SysResult<std::size_t> PosixFileSystem::write(Handle handle, std::uint64_t offset,
                                              std::string_view bytes) {
  const ssize_t count = ::pwrite(handle, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (count < 0) return failed();
  return static_cast<std::size_t>(count);
}

SysResult<void> PosixFileSystem::allocate(Handle handle, std::uint64_t size) {
  // The size stays: a run killed while writing leaves a prefix, never a tail of zeros. Not
  // posix_fallocate(), which writes byte by byte where the file system cannot.
  return done(::fallocate(handle, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)));
}

SysResult<void> PosixFileSystem::truncate(Handle handle, std::uint64_t size) {
  return done(::ftruncate(handle, static_cast<off_t>(size)));
}

SysResult<void> PosixFileSystem::sync(Handle handle) { return done(::fsync(handle)); }

SysResult<void> PosixFileSystem::change_owner(Handle handle, std::uint32_t owner,
                                              std::uint32_t group) {
  return done(::fchown(handle, owner, group));
}

SysResult<void> PosixFileSystem::change_mode(Handle handle, std::uint32_t mode) {
  return done(::fchmod(handle, mode));
}

SysResult<std::vector<std::string>> PosixFileSystem::list_attributes(Handle handle) {
  const ssize_t needed = ::flistxattr(handle, nullptr, 0);
  if (needed < 0) return failed();
  if (needed == 0) return std::vector<std::string>();
  std::string list(kAttributeBytesMax, '\0');
  const ssize_t size = ::flistxattr(handle, list.data(), list.size());
  if (size < 0) return failed();
  list.resize(static_cast<std::size_t>(size));

  std::vector<std::string> keys;
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = list.find('\0', at);
    keys.push_back(list.substr(at, end - at));
    at = end == std::string::npos ? list.size() : end + 1;
  }
  return keys;
}

SysResult<std::string> PosixFileSystem::attribute(Handle handle, const std::string& key) {
  std::string value(kAttributeBytesMax, '\0');
  const ssize_t size = ::fgetxattr(handle, key.c_str(), value.data(), value.size());
  if (size < 0) return failed();
  value.resize(static_cast<std::size_t>(size));
  return value;
}

SysResult<void> PosixFileSystem::set_attribute(Handle handle, const std::string& key,
                                               std::string_view value) {
  return done(::fsetxattr(handle, key.c_str(), value.data(), value.size(), 0));
}

SysResult<void> PosixFileSystem::remove_attribute(Handle handle, const std::string& key) {
  return done(::fremovexattr(handle, key.c_str()));
}

SysResult<void> PosixFileSystem::set_mtime(Handle handle, std::int64_t mtime_ns) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  std::int64_t seconds = mtime_ns / kSecond;
  std::int64_t rest = mtime_ns % kSecond;
  if (rest < 0) {  // before 1970: the division rounds towards zero
    rest += kSecond;
    seconds -= 1;
  }
  const struct timespec times[2] = {{0, UTIME_OMIT}, {seconds, rest}};
  return done(::futimens(handle, times));
}

SysResult<std::uint32_t> PosixFileSystem::inode_flags(Handle handle) {
  int flags = 0;  // the kernel writes an int, whatever the macro's type says
  if (::ioctl(handle, FS_IOC_GETFLAGS, &flags) < 0) return failed();
  return static_cast<std::uint32_t>(flags);
}

SysResult<bool> PosixFileSystem::is_mount_point(Handle directory, const std::string& name) {
  struct statx raw {};
  if (::statx(directory, name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &raw) < 0) return failed();
  if ((raw.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0) return failed(EOPNOTSUPP);
  return (raw.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

SysResult<void> PosixFileSystem::rename(Handle directory, const std::string& from,
                                        const std::string& to) {
  return done(::renameat(directory, from.c_str(), directory, to.c_str()));
}

SysResult<void> PosixFileSystem::rename_new(Handle directory, const std::string& from,
                                            const std::string& to) {
  return done(::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE));
}

SysResult<void> PosixFileSystem::exchange(Handle directory, const std::string& a,
                                          const std::string& b) {
  return done(::renameat2(directory, a.c_str(), directory, b.c_str(), RENAME_EXCHANGE));
}

SysResult<void> PosixFileSystem::move(Handle directory, const std::string& from,
                                      Handle to_directory, const std::string& to) {
  return done(::renameat(directory, from.c_str(), to_directory, to.c_str()));
}

SysResult<void> PosixFileSystem::unlink(Handle directory, const std::string& name) {
  return done(::unlinkat(directory, name.c_str(), 0));
}

SysResult<void> PosixFileSystem::try_read_lease(Handle handle) {
  // Somebody may open the file for writing while the lease is held. The kernel then sends the
  // holder SIGIO, which ends a process; SIGURG is ignored unless asked for.
  if (::fcntl(handle, F_SETSIG, SIGURG) < 0) return failed();
  if (::fcntl(handle, F_SETLEASE, F_RDLCK) < 0) return failed();
  return done(::fcntl(handle, F_SETLEASE, F_UNLCK));
}

SysResult<void> PosixFileSystem::try_lock(Handle handle) {
  return done(::flock(handle, LOCK_EX | LOCK_NB));
}

std::uint32_t PosixFileSystem::effective_user() const { return ::geteuid(); }

}  // namespace hostspin
