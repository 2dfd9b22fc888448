#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "file_system.h"

namespace hostspin {

/// This machine's disk. Paths are resolved by the kernel alone, without NSS or any library that
/// could ask for a name.
class PosixFileSystem final : public FileSystem {
 public:
  /// `openat2` false does without that system call, as on a kernel before 5.6: symlinks below a
  /// root other than "/" are then refused.
  explicit PosixFileSystem(bool openat2 = true) : openat2_(openat2) {}

  /// What `path` is, to look at or to connect to (O_PATH): a symlink at its end is not followed.
  SysResult<Handle> open_path(const std::string& root, const std::string& path);

  SysResult<Handle> open_directory(const std::string& root, const std::string& path) override;
  SysResult<Handle> open_read(Handle directory, const std::string& name) override;
  SysResult<Handle> open_write(Handle directory, const std::string& name) override;
  SysResult<Handle> create(Handle directory, const std::string& name) override;
  SysResult<void> make_directory(const std::string& root, const std::string& path,
                                 std::uint32_t mode) override;
  SysResult<void> close(Handle handle) override;

  SysResult<std::string> read_link(Handle directory, const std::string& name) override;
  SysResult<FileStatus> status_at(Handle directory, const std::string& name) override;
  SysResult<FileStatus> status(Handle handle) override;
  SysResult<std::vector<std::string>> list(Handle directory) override;

  SysResult<std::string> read(Handle handle, std::uint64_t offset, std::size_t size) override;
  SysResult<std::size_t> write(Handle handle, std::uint64_t offset,
                               std::string_view bytes) override;
  SysResult<void> allocate(Handle handle, std::uint64_t size) override;
  SysResult<void> truncate(Handle handle, std::uint64_t size) override;
  SysResult<void> sync(Handle handle) override;

  SysResult<void> change_owner(Handle handle, std::uint32_t owner, std::uint32_t group) override;
  SysResult<void> change_mode(Handle handle, std::uint32_t mode) override;
  SysResult<std::vector<std::string>> list_attributes(Handle handle) override;
  SysResult<std::string> attribute(Handle handle, const std::string& key) override;
  SysResult<void> set_attribute(Handle handle, const std::string& key,
                                std::string_view value) override;
  SysResult<void> remove_attribute(Handle handle, const std::string& key) override;
  SysResult<void> set_mtime(Handle handle, std::int64_t mtime_ns) override;
  SysResult<std::uint32_t> inode_flags(Handle handle) override;
  SysResult<bool> is_mount_point(Handle directory, const std::string& name) override;

  SysResult<void> rename(Handle directory, const std::string& from, const std::string& to) override;
  SysResult<void> rename_new(Handle directory, const std::string& from,
                             const std::string& to) override;
  SysResult<void> exchange(Handle directory, const std::string& a, const std::string& b) override;
  SysResult<void> move(Handle directory, const std::string& from, Handle to_directory,
                       const std::string& to) override;
  SysResult<void> unlink(Handle directory, const std::string& name) override;

  SysResult<void> try_read_lease(Handle handle) override;
  SysResult<void> try_lock(Handle handle) override;
  [[nodiscard]] std::uint32_t effective_user() const override;

 private:
  SysResult<Handle> open_regular(Handle directory, const std::string& name, int flags);
  SysResult<Handle> open_in_root(Handle root, const std::string& path, int flags);
  SysResult<Handle> open_place(const std::string& root, const std::string& path, int flags);

  bool openat2_;
  bool below_root_ = false;  ///< a directory below a root other than "/" has been opened
};

}  // namespace hostspin
