#include "faulty_file_system.h"

namespace hostspin {

bool FaultyFileSystem::strikes(const char* call) {
  if (dead_ || steps_++ != step_) return false;
  fired_ = true;
  struck_ = call;
  return true;
}

template <typename Call>
auto FaultyFileSystem::pass(const char* name, Call call) -> decltype(call()) {
  const bool struck = strikes(name);
  if (!struck && !dead_) return call();
  if (fault_.cuts_short && !dead_) return call();  // only reads and writes can be cut short
  if (struck && fault_.happens) (void)call();      // only its error is the point
  if (fault_.dies) dead_ = true;
  return tl::make_unexpected(SysError{fault_.error});
}

SysResult<std::string> FaultyFileSystem::read(Handle handle, std::uint64_t offset,
                                              std::size_t size) {
  const int before = steps_;
  return pass("read", [&] {
    const bool cut = fault_.cuts_short && before == step_ && size > 1;
    return disk_.read(handle, offset, cut ? size / 2 : size);
  });
}

SysResult<std::size_t> FaultyFileSystem::write(Handle handle, std::uint64_t offset,
                                               std::string_view bytes) {
  const int before = steps_;
  return pass("write", [&] {
    const bool cut = (fault_.cuts_short || fault_.happens) && before == step_ && bytes.size() > 1;
    return disk_.write(handle, offset, cut ? bytes.substr(0, bytes.size() / 2) : bytes);
  });
}

SysResult<Handle> FaultyFileSystem::open_directory(const std::string& root,
                                                   const std::string& path) {
  return pass("open_directory", [&] { return disk_.open_directory(root, path); });
}
SysResult<Handle> FaultyFileSystem::open_read(Handle directory, const std::string& name) {
  return pass("open_read", [&] { return disk_.open_read(directory, name); });
}
SysResult<Handle> FaultyFileSystem::open_write(Handle directory, const std::string& name) {
  return pass("open_write", [&] { return disk_.open_write(directory, name); });
}
SysResult<Handle> FaultyFileSystem::create(Handle directory, const std::string& name) {
  return pass("create", [&] { return disk_.create(directory, name); });
}
SysResult<void> FaultyFileSystem::make_directory(const std::string& root, const std::string& path,
                                                 std::uint32_t mode) {
  return pass("make_directory", [&] { return disk_.make_directory(root, path, mode); });
}
SysResult<void> FaultyFileSystem::close(Handle handle) {
  return pass("close", [&] { return disk_.close(handle); });
}
SysResult<std::string> FaultyFileSystem::read_link(Handle directory, const std::string& name) {
  return pass("read_link", [&] { return disk_.read_link(directory, name); });
}
SysResult<FileStatus> FaultyFileSystem::status_at(Handle directory, const std::string& name) {
  return pass("status_at", [&] { return disk_.status_at(directory, name); });
}
SysResult<FileStatus> FaultyFileSystem::status(Handle handle) {
  return pass("status", [&] { return disk_.status(handle); });
}
SysResult<std::vector<std::string>> FaultyFileSystem::list(Handle directory) {
  return pass("list", [&] { return disk_.list(directory); });
}
SysResult<void> FaultyFileSystem::allocate(Handle handle, std::uint64_t size) {
  return pass("allocate", [&] { return disk_.allocate(handle, size); });
}
SysResult<void> FaultyFileSystem::truncate(Handle handle, std::uint64_t size) {
  return pass("truncate", [&] { return disk_.truncate(handle, size); });
}
SysResult<void> FaultyFileSystem::sync(Handle handle) {
  return pass("sync", [&] { return disk_.sync(handle); });
}
SysResult<void> FaultyFileSystem::change_owner(Handle handle, std::uint32_t owner,
                                               std::uint32_t group) {
  return pass("change_owner", [&] { return disk_.change_owner(handle, owner, group); });
}
SysResult<void> FaultyFileSystem::change_mode(Handle handle, std::uint32_t mode) {
  return pass("change_mode", [&] { return disk_.change_mode(handle, mode); });
}
SysResult<std::vector<std::string>> FaultyFileSystem::list_attributes(Handle handle) {
  return pass("list_attributes", [&] { return disk_.list_attributes(handle); });
}
SysResult<std::string> FaultyFileSystem::attribute(Handle handle, const std::string& key) {
  return pass("attribute", [&] { return disk_.attribute(handle, key); });
}
SysResult<void> FaultyFileSystem::set_attribute(Handle handle, const std::string& key,
                                                std::string_view value) {
  return pass("set_attribute", [&] { return disk_.set_attribute(handle, key, value); });
}
SysResult<void> FaultyFileSystem::remove_attribute(Handle handle, const std::string& key) {
  return pass("remove_attribute", [&] { return disk_.remove_attribute(handle, key); });
}
SysResult<void> FaultyFileSystem::set_mtime(Handle handle, std::int64_t mtime_ns) {
  return pass("set_mtime", [&] { return disk_.set_mtime(handle, mtime_ns); });
}
SysResult<std::uint32_t> FaultyFileSystem::inode_flags(Handle handle) {
  return pass("inode_flags", [&] { return disk_.inode_flags(handle); });
}
SysResult<bool> FaultyFileSystem::is_mount_point(Handle directory, const std::string& name) {
  return pass("is_mount_point", [&] { return disk_.is_mount_point(directory, name); });
}
SysResult<void> FaultyFileSystem::rename(Handle directory, const std::string& from,
                                         const std::string& to) {
  return pass("rename", [&] { return disk_.rename(directory, from, to); });
}
SysResult<void> FaultyFileSystem::rename_new(Handle directory, const std::string& from,
                                             const std::string& to) {
  return pass("rename_new", [&] { return disk_.rename_new(directory, from, to); });
}
SysResult<void> FaultyFileSystem::exchange(Handle directory, const std::string& a,
                                           const std::string& b) {
  return pass("exchange", [&] { return disk_.exchange(directory, a, b); });
}
SysResult<void> FaultyFileSystem::move(Handle directory, const std::string& from,
                                       Handle to_directory, const std::string& to) {
  return pass("move", [&] { return disk_.move(directory, from, to_directory, to); });
}
SysResult<void> FaultyFileSystem::unlink(Handle directory, const std::string& name) {
  return pass("unlink", [&] { return disk_.unlink(directory, name); });
}
SysResult<void> FaultyFileSystem::try_read_lease(Handle handle) {
  return pass("try_read_lease", [&] { return disk_.try_read_lease(handle); });
}
SysResult<void> FaultyFileSystem::try_lock(Handle handle) {
  return pass("try_lock", [&] { return disk_.try_lock(handle); });
}

}  // namespace hostspin
