// The system calls of the disk in memory.

#include <algorithm>
#include <cerrno>

#include "memory_file_system.h"
#include "path_text.h"

namespace hostspin {
namespace {

constexpr std::uint64_t kRootInode = 1;

tl::unexpected<SysError> failed(int number) { return tl::make_unexpected(SysError{number}); }

}  // namespace

SysResult<std::uint64_t> MemoryFileSystem::child(Handle directory, const std::string& name) {
  const auto open = open_.find(directory);
  if (open == open_.end()) return failed(EBADF);
  const Names& names = at(open->second.inode).names;
  const auto found = names.find(name);
  if (found == names.end()) return failed(ENOENT);
  return found->second;
}

SysResult<Handle> MemoryFileSystem::open_directory(const std::string& root,
                                                   const std::string& path) {
  called("open_directory");
  const SysResult<std::uint64_t> start = walk(kRootInode, root, 0);
  if (!start) return failed(start.error().number);
  const SysResult<std::uint64_t> found = walk(*start, path, 0);
  if (!found) return failed(found.error().number);
  if (at(*found).kind != FileStatus::Kind::directory) return failed(ENOTDIR);
  return add_handle(*found, false);
}

SysResult<Handle> MemoryFileSystem::open_read(Handle directory, const std::string& name) {
  called("open_read");
  const SysResult<std::uint64_t> found = child(directory, name);
  if (!found) return failed(found.error().number);
  if (at(*found).kind == FileStatus::Kind::symlink) return failed(ELOOP);
  if (at(*found).kind == FileStatus::Kind::other) opened_node_ = true;
  return add_handle(*found, false);
}

SysResult<Handle> MemoryFileSystem::open_write(Handle directory, const std::string& name) {
  called("open_write");
  const SysResult<std::uint64_t> found = child(directory, name);
  if (!found) return failed(found.error().number);
  if (at(*found).kind == FileStatus::Kind::symlink) return failed(ELOOP);
  if (at(*found).kind == FileStatus::Kind::other) opened_node_ = true;
  if (is_fixed(*found)) return failed(EPERM);
  return add_handle(*found, true);
}

SysResult<Handle> MemoryFileSystem::create(Handle directory, const std::string& name) {
  called("create");
  if (child(directory, name)) return failed(EEXIST);
  const std::uint64_t parent = open_.at(directory).inode;
  if (is_fixed(parent)) return failed(EPERM);
  Inode inode;
  inode.mode = 0600;
  inode.owner = user;
  inode.group = user;
  const std::uint64_t made = add(std::move(inode));
  at(parent).names[name] = made;
  changed_names(parent);
  return add_handle(made, true);
}

SysResult<void> MemoryFileSystem::make_directory(const std::string& root, const std::string& path,
                                                 std::uint32_t mode) {
  called("make_directory");
  const PathParts parts = split_path(path);
  const SysResult<std::uint64_t> start = walk(kRootInode, root, 0);
  if (!start) return failed(start.error().number);
  const SysResult<std::uint64_t> parent = walk(*start, parts.directory, 0);
  if (!parent) return failed(parent.error().number);
  if (at(*parent).names.count(parts.name) > 0) return failed(EEXIST);
  Inode inode;
  inode.kind = FileStatus::Kind::directory;
  inode.mode = mode;
  const std::uint64_t made = add(std::move(inode));
  at(*parent).names[parts.name] = made;
  changed_names(*parent);
  return {};
}

SysResult<void> MemoryFileSystem::close(Handle handle) {
  called("close");
  const auto open = open_.find(handle);
  if (open == open_.end()) return failed(EBADF);
  Inode& inode = at(open->second.inode);
  if (inode.locked_by == handle) inode.locked_by = -1;
  open_.erase(open);
  return {};
}

SysResult<std::string> MemoryFileSystem::read_link(Handle directory, const std::string& name) {
  called("read_link");
  const SysResult<std::uint64_t> found = child(directory, name);
  if (!found) return failed(found.error().number);
  if (at(*found).kind != FileStatus::Kind::symlink) return failed(EINVAL);
  return at(*found).link;
}

SysResult<FileStatus> MemoryFileSystem::status_at(Handle directory, const std::string& name) {
  called("status_at");
  const SysResult<std::uint64_t> found = child(directory, name);
  if (!found) return failed(found.error().number);
  return to_status(*found);
}

SysResult<FileStatus> MemoryFileSystem::status(Handle handle) {
  called("status");
  return to_status(open_.at(handle).inode);
}

SysResult<std::vector<std::string>> MemoryFileSystem::list(Handle directory) {
  called("list");
  std::vector<std::string> names;
  for (const auto& [name, inode] : at(open_.at(directory).inode).names) names.push_back(name);
  return names;
}

SysResult<std::string> MemoryFileSystem::read(Handle handle, std::uint64_t offset,
                                              std::size_t size) {
  called("read");
  const std::string& bytes = at(open_.at(handle).inode).bytes;
  return offset >= bytes.size() ? std::string() : bytes.substr(offset, size);
}

SysResult<std::size_t> MemoryFileSystem::write(Handle handle, std::uint64_t offset,
                                               std::string_view bytes) {
  called("write");
  const Open& open = open_.at(handle);
  if (!open.may_write) return failed(EBADF);
  Inode& inode = at(open.inode);
  if (inode.bytes.size() < offset + bytes.size()) inode.bytes.resize(offset + bytes.size());
  std::copy(bytes.begin(), bytes.end(), inode.bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  inode.mtime_ns = ++ticks_;
  return bytes.size();
}

SysResult<void> MemoryFileSystem::allocate(Handle handle, std::uint64_t) {
  called("allocate");
  if (!open_.at(handle).may_write) return failed(EBADF);
  return {};
}

SysResult<void> MemoryFileSystem::truncate(Handle handle, std::uint64_t size) {
  called("truncate");
  const Open& open = open_.at(handle);
  if (!open.may_write) return failed(EBADF);
  at(open.inode).bytes.resize(size);
  return {};
}

SysResult<void> MemoryFileSystem::sync(Handle handle) {
  called("sync");
  Inode& inode = at(open_.at(handle).inode);
  inode.synced_bytes = inode.bytes;
  if (inode.kind == FileStatus::Kind::directory) inode.history = {inode.names};
  return {};
}

SysResult<void> MemoryFileSystem::change_owner(Handle handle, std::uint32_t owner,
                                               std::uint32_t group) {
  called("change_owner");
  if (!may_change_owner) return failed(EPERM);
  Inode& inode = at(open_.at(handle).inode);
  inode.owner = owner;
  inode.group = group;
  return {};
}

SysResult<void> MemoryFileSystem::change_mode(Handle handle, std::uint32_t mode) {
  called("change_mode");
  at(open_.at(handle).inode).mode = mode;
  return {};
}

SysResult<std::vector<std::string>> MemoryFileSystem::list_attributes(Handle handle) {
  called("list_attributes");
  std::vector<std::string> keys;
  for (const auto& [key, value] : at(open_.at(handle).inode).attributes) keys.push_back(key);
  return keys;
}

SysResult<std::string> MemoryFileSystem::attribute(Handle handle, const std::string& key) {
  called("attribute");
  const auto& attributes = at(open_.at(handle).inode).attributes;
  const auto found = attributes.find(key);
  if (found == attributes.end()) return failed(ENODATA);
  return found->second;
}

SysResult<void> MemoryFileSystem::set_attribute(Handle handle, const std::string& key,
                                                std::string_view value) {
  called("set_attribute");
  Inode& inode = at(open_.at(handle).inode);
  // As the kernel: an ACL's mask becomes the group bits, and chmod after it would change the ACL.
  inode.attributes[key] = value;
  return {};
}

SysResult<void> MemoryFileSystem::remove_attribute(Handle handle, const std::string& key) {
  called("remove_attribute");
  if (at(open_.at(handle).inode).attributes.erase(key) == 0) return failed(ENODATA);
  return {};
}

SysResult<void> MemoryFileSystem::set_mtime(Handle handle, std::int64_t mtime_ns) {
  called("set_mtime");
  at(open_.at(handle).inode).mtime_ns = mtime_ns;
  return {};
}

SysResult<std::uint32_t> MemoryFileSystem::inode_flags(Handle handle) {
  called("inode_flags");
  return at(open_.at(handle).inode).flags;
}

SysResult<bool> MemoryFileSystem::is_mount_point(Handle directory, const std::string& name) {
  called("is_mount_point");
  if (!has_mount_query) return failed(EOPNOTSUPP);
  const SysResult<std::uint64_t> found = child(directory, name);
  if (!found) return failed(found.error().number);
  return at(*found).mount_point;
}

SysResult<void> MemoryFileSystem::rename(Handle directory, const std::string& from,
                                         const std::string& to) {
  called("rename");
  if (!may_rename) return failed(EPERM);
  const SysResult<std::uint64_t> source = child(directory, from);
  if (!source) return failed(source.error().number);
  const std::uint64_t parent = open_.at(directory).inode;
  const SysResult<std::uint64_t> present = child(directory, to);
  if (present && at(*present).mount_point) return failed(EBUSY);
  if (is_fixed(parent) || (present && is_fixed(*present))) return failed(EPERM);
  at(parent).names.erase(from);
  at(parent).names[to] = *source;
  changed_names(parent);
  return {};
}

SysResult<void> MemoryFileSystem::rename_new(Handle directory, const std::string& from,
                                             const std::string& to) {
  called("rename_new");
  if (!has_exchange) return failed(no_exchange_error);
  if (!may_rename) return failed(EPERM);
  const SysResult<std::uint64_t> source = child(directory, from);
  if (!source) return failed(source.error().number);
  if (child(directory, to)) return failed(EEXIST);
  const std::uint64_t parent = open_.at(directory).inode;
  at(parent).names.erase(from);
  at(parent).names[to] = *source;
  changed_names(parent);
  return {};
}

SysResult<void> MemoryFileSystem::move(Handle directory, const std::string& from,
                                       Handle to_directory, const std::string& to) {
  called("move");
  if (!is_one_mount) return failed(EXDEV);
  const SysResult<std::uint64_t> source = child(directory, from);
  if (!source) return failed(source.error().number);
  const std::uint64_t parent = open_.at(directory).inode;
  const std::uint64_t to_parent = open_.at(to_directory).inode;
  at(to_parent).names[to] = *source;
  changed_names(to_parent);
  at(parent).names.erase(from);
  changed_names(parent);
  return {};
}

SysResult<void> MemoryFileSystem::exchange(Handle directory, const std::string& a,
                                           const std::string& b) {
  called("exchange");
  if (!has_exchange) return failed(no_exchange_error);
  if (!may_rename) return failed(EPERM);
  const SysResult<std::uint64_t> first = child(directory, a);
  const SysResult<std::uint64_t> second = child(directory, b);
  if (!first || !second) return failed(ENOENT);
  if (at(*first).mount_point || at(*second).mount_point) return failed(EBUSY);
  const std::uint64_t parent = open_.at(directory).inode;
  if (is_fixed(parent) || is_fixed(*first) || is_fixed(*second)) return failed(EPERM);
  at(parent).names[a] = *second;
  at(parent).names[b] = *first;
  changed_names(parent);
  return {};
}

SysResult<void> MemoryFileSystem::unlink(Handle directory, const std::string& name) {
  called("unlink");
  const SysResult<std::uint64_t> found = child(directory, name);
  if (!found) return failed(found.error().number);
  if (at(*found).mount_point) return failed(EBUSY);
  const std::uint64_t parent = open_.at(directory).inode;
  if (is_fixed(parent) || is_fixed(*found)) return failed(EPERM);
  at(parent).names.erase(name);
  changed_names(parent);
  return {};
}

SysResult<void> MemoryFileSystem::try_read_lease(Handle handle) {
  called("try_read_lease");
  const std::uint64_t inode = open_.at(handle).inode;
  if (at(inode).writers > 0) return failed(EAGAIN);
  for (const auto& [number, open] : open_)
    if (open.inode == inode && open.may_write) return failed(EAGAIN);
  return {};
}

SysResult<void> MemoryFileSystem::try_lock(Handle handle) {
  called("try_lock");
  Inode& inode = at(open_.at(handle).inode);
  if (inode.locked_by != -1 && inode.locked_by != handle) return failed(EWOULDBLOCK);
  inode.locked_by = handle;
  return {};
}

}  // namespace hostspin
