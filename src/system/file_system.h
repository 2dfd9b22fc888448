#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hostspin/result.h"

namespace hostspin {

/// An open file or directory, owned by the FileSystem that gave it out; close() ends it.
using Handle = int;

struct FileStatus {
  enum class Kind { regular, directory, symlink, other };
  Kind kind = Kind::other;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint32_t mode = 0;  ///< permission bits, 07777
  std::uint32_t owner = 0;
  std::uint32_t group = 0;
  std::uint64_t links = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0;
};

/// A failed system call: its errno, for the caller to name.
struct SysError {
  int number = 0;
};
template <typename T>
using SysResult = tl::expected<T, SysError>;

/// The disk, one system call a method; `name` is always relative to an open directory and holds no
/// slash. The fake (tests/support/memory_file_system.h) knows what a power cut leaves.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  /// A directory by path, absolute or relative. `root` other than "/" resolves inside it (openat2
  /// RESOLVE_IN_ROOT); without openat2 symlinks are refused there (ELOOP).
  virtual SysResult<Handle> open_directory(const std::string& root, const std::string& path) = 0;
  /// A regular file, O_NOFOLLOW and never waiting. Below a root other than "/" anything else is
  /// refused before it is opened (ELOOP a symlink, EISDIR a directory, ENXIO a device, FIFO or
  /// socket): whoever owns that tree may exchange names at any moment. Elsewhere the caller looks
  /// first: only root can put a device there.
  virtual SysResult<Handle> open_read(Handle directory, const std::string& name) = 0;
  /// The same for reading and writing; no O_TRUNC.
  virtual SysResult<Handle> open_write(Handle directory, const std::string& name) = 0;
  /// O_CREAT | O_EXCL | O_NOFOLLOW, at most 0600, opened for reading and writing.
  virtual SysResult<Handle> create(Handle directory, const std::string& name) = 0;
  /// With exactly `mode`, whatever the umask; EEXIST changes nothing.
  virtual SysResult<void> make_directory(const std::string& root, const std::string& path,
                                         std::uint32_t mode) = 0;
  virtual SysResult<void> close(Handle handle) = 0;

  virtual SysResult<std::string> read_link(Handle directory, const std::string& name) = 0;
  virtual SysResult<FileStatus> status_at(Handle directory,
                                          const std::string& name) = 0;  ///< no follow
  virtual SysResult<FileStatus> status(Handle handle) = 0;
  virtual SysResult<std::vector<std::string>> list(Handle directory) = 0;

  /// At most `size` bytes from `offset`; fewer only at the end of the file or on a short read.
  virtual SysResult<std::string> read(Handle handle, std::uint64_t offset, std::size_t size) = 0;
  virtual SysResult<std::size_t> write(Handle handle, std::uint64_t offset,
                                       std::string_view bytes) = 0;
  virtual SysResult<void> allocate(Handle handle, std::uint64_t size) = 0;
  virtual SysResult<void> truncate(Handle handle, std::uint64_t size) = 0;
  virtual SysResult<void> sync(Handle handle) = 0;  ///< fsync, of a file or a directory

  virtual SysResult<void> change_owner(Handle handle, std::uint32_t owner, std::uint32_t group) = 0;
  virtual SysResult<void> change_mode(Handle handle, std::uint32_t mode) = 0;
  virtual SysResult<std::vector<std::string>> list_attributes(Handle handle) = 0;
  virtual SysResult<std::string> attribute(Handle handle, const std::string& key) = 0;
  virtual SysResult<void> set_attribute(Handle handle, const std::string& key,
                                        std::string_view value) = 0;
  virtual SysResult<void> remove_attribute(Handle handle, const std::string& key) = 0;
  virtual SysResult<void> set_mtime(Handle handle, std::int64_t mtime_ns) = 0;
  /// FS_IOC_GETFLAGS: what chattr set; ENOTTY or EOPNOTSUPP where the file system has none.
  virtual SysResult<std::uint32_t> inode_flags(Handle handle) = 0;
  /// Whether something is mounted on `name` itself (statx); EOPNOTSUPP where the kernel cannot
  /// tell.
  virtual SysResult<bool> is_mount_point(Handle directory, const std::string& name) = 0;

  virtual SysResult<void> rename(Handle directory, const std::string& from,
                                 const std::string& to) = 0;
  /// renameat2 RENAME_NOREPLACE: EEXIST where `to` exists.
  virtual SysResult<void> rename_new(Handle directory, const std::string& from,
                                     const std::string& to) = 0;
  /// renameat2 RENAME_EXCHANGE.
  virtual SysResult<void> exchange(Handle directory, const std::string& a,
                                   const std::string& b) = 0;
  /// rename between directories: EXDEV where they are on different mounts.
  virtual SysResult<void> move(Handle directory, const std::string& from, Handle to_directory,
                               const std::string& to) = 0;
  virtual SysResult<void> unlink(Handle directory, const std::string& name) = 0;

  /// Takes and drops a read lease: EAGAIN while anybody has the file open for writing.
  virtual SysResult<void> try_read_lease(Handle handle) = 0;
  /// An exclusive flock on the open file; EWOULDBLOCK if held elsewhere.
  virtual SysResult<void> try_lock(Handle handle) = 0;

  /// Who new files belong to.
  [[nodiscard]] virtual std::uint32_t effective_user() const = 0;
};

}  // namespace hostspin
