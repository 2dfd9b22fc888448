#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "file_system.h"

namespace hostspin {

/// What goes wrong at one step.
struct Fault {
  int error = EIO;
  bool dies = false;        ///< no call has any effect from this step on: a kill, or a power cut
  bool happens = false;     ///< the call takes effect all the same, and its error comes late
  bool cuts_short = false;  ///< reads and writes do half of what was asked, without an error
};

/// Passes calls to another file system, and at the given one (from 0) lets the fault happen. A test
/// sweeps the step until it no longer fires.
class FaultyFileSystem final : public FileSystem {
 public:
  FaultyFileSystem(FileSystem& disk, int step, Fault fault)
      : disk_(disk), step_(step), fault_(fault) {}

  [[nodiscard]] bool fired() const { return fired_; }
  /// The call that the fault struck.
  [[nodiscard]] const std::string& struck() const { return struck_; }

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
  [[nodiscard]] std::uint32_t effective_user() const override { return disk_.effective_user(); }

 private:
  /// Whether the fault strikes this call.
  bool strikes(const char* call);
  template <typename Call>
  auto pass(const char* name, Call call) -> decltype(call());

  FileSystem& disk_;
  int step_;
  Fault fault_;
  int steps_ = 0;
  bool fired_ = false;
  bool dead_ = false;
  std::string struck_;
};

}  // namespace hostspin
