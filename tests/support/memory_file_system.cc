#include "memory_file_system.h"

#include <linux/fs.h>

#include <algorithm>
#include <cerrno>

#include "path_text.h"

namespace hostspin {
namespace {

constexpr std::uint64_t kRootInode = 1;
constexpr int kLinksMax = 40;

tl::unexpected<SysError> failed(int number) { return tl::make_unexpected(SysError{number}); }

}  // namespace

MemoryFileSystem::MemoryFileSystem() {
  Inode root;
  root.kind = FileStatus::Kind::directory;
  root.mode = 0755;
  root.history = {{}};
  inodes_.emplace(kRootInode, std::move(root));
}

void MemoryFileSystem::called(const std::string& call) {
  ++calls_[call];
  if (on_call) on_call(call);
}

std::uint64_t MemoryFileSystem::add(Inode inode) {
  inode.mtime_ns = ++ticks_;
  if (inode.kind == FileStatus::Kind::directory) inode.history = {{}};
  inodes_.emplace(next_inode_, std::move(inode));
  return next_inode_++;
}

Handle MemoryFileSystem::add_handle(std::uint64_t inode, bool may_write) {
  open_[next_handle_] = {inode, may_write};
  return next_handle_++;
}

void MemoryFileSystem::changed_names(std::uint64_t directory) {
  Inode& inode = at(directory);
  inode.history.push_back(inode.names);
}

bool MemoryFileSystem::is_fixed(std::uint64_t inode) const {
  return (inodes_.at(inode).flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)) != 0;
}

FileStatus MemoryFileSystem::to_status(std::uint64_t inode) const {
  const Inode& found = inodes_.at(inode);
  FileStatus status;
  status.kind = found.kind;
  status.device = 1;
  status.inode = inode;
  status.mode = found.mode;
  status.owner = found.owner;
  status.group = found.group;
  status.links = found.links;
  status.size = found.bytes.size();
  status.mtime_ns = found.mtime_ns;
  return status;
}

SysResult<std::uint64_t> MemoryFileSystem::walk(std::uint64_t root, const std::string& path,
                                                int links) {
  std::vector<std::uint64_t> trail{root};
  for (std::size_t at_byte = 0; at_byte < path.size();) {
    const std::size_t end = std::min(path.find('/', at_byte), path.size());
    const std::string name = path.substr(at_byte, end - at_byte);
    at_byte = end + 1;
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (trail.size() > 1) trail.pop_back();
      continue;
    }
    const Inode& directory = at(trail.back());
    if (directory.kind != FileStatus::Kind::directory) return failed(ENOTDIR);
    const auto found = directory.names.find(name);
    if (found == directory.names.end()) return failed(ENOENT);
    const Inode& inode = at(found->second);
    if (inode.kind != FileStatus::Kind::symlink) {
      trail.push_back(found->second);
      continue;
    }
    if (links >= kLinksMax) return failed(ELOOP);
    const std::string rest = at_byte < path.size() ? "/" + path.substr(at_byte) : "";
    const bool absolute = inode.link.starts_with('/');
    // Good enough for tests: a relative link does not lead above its directory.
    return walk(absolute ? root : trail.back(), inode.link + rest, links + 1);
  }
  return trail.back();
}

std::uint64_t MemoryFileSystem::find(const std::string& path) const {
  const PathParts parts = split_path(path);
  // Looking changes nothing; walk() is shared with the calls, which may.
  auto* self = const_cast<MemoryFileSystem*>(this);
  const SysResult<std::uint64_t> directory = self->walk(kRootInode, parts.directory, 0);
  if (!directory) return 0;
  if (parts.name.empty()) return *directory;
  const Names& names = inodes_.at(*directory).names;
  const auto found = names.find(parts.name);
  return found == names.end() ? 0 : found->second;
}

std::uint64_t MemoryFileSystem::find_directory_of(const std::string& path) {
  const std::string directory = split_path(path).directory;
  put_directory(directory);
  return *walk(kRootInode, directory, 0);
}

void MemoryFileSystem::put_directory(const std::string& path) {
  if (path == "/" || find(path) != 0) return;
  const std::uint64_t parent = find_directory_of(path);
  Inode inode;
  inode.kind = FileStatus::Kind::directory;
  inode.mode = 0755;
  const std::uint64_t made = add(std::move(inode));
  at(parent).names[split_path(path).name] = made;
  at(parent).history = {at(parent).names};  // what a test arranges is on disk
}

void MemoryFileSystem::put(const std::string& path, std::string_view bytes, std::uint32_t mode) {
  const std::uint64_t parent = find_directory_of(path);
  Inode inode;
  inode.bytes = bytes;
  inode.synced_bytes = bytes;
  inode.mode = mode;
  const std::uint64_t made = add(std::move(inode));
  at(parent).names[split_path(path).name] = made;
  at(parent).history = {at(parent).names};
}

void MemoryFileSystem::put_link(const std::string& path, const std::string& target) {
  const std::uint64_t parent = find_directory_of(path);
  Inode inode;
  inode.kind = FileStatus::Kind::symlink;
  inode.link = target;
  const std::uint64_t made = add(std::move(inode));
  at(parent).names[split_path(path).name] = made;
  at(parent).history = {at(parent).names};
}

void MemoryFileSystem::put_node(const std::string& path) {
  const std::uint64_t parent = find_directory_of(path);
  Inode inode;
  inode.kind = FileStatus::Kind::other;
  const std::uint64_t made = add(std::move(inode));
  at(parent).names[split_path(path).name] = made;
  at(parent).history = {at(parent).names};
}

void MemoryFileSystem::add_link(const std::string& path, const std::string& other) {
  const std::uint64_t inode = find(path);
  const std::uint64_t parent = find_directory_of(other);
  at(parent).names[split_path(other).name] = inode;
  at(parent).history = {at(parent).names};
  ++at(inode).links;
}

void MemoryFileSystem::append(const std::string& path, std::string_view text) {
  append_by_writer(find(path), text);
}

void MemoryFileSystem::rewrite(const std::string& path, std::string_view bytes) {
  Inode& inode = at(find(path));
  inode.bytes = bytes;
  inode.mtime_ns = ++ticks_;
}

void MemoryFileSystem::replace(const std::string& path, std::string_view bytes) {
  const std::uint64_t parent = find_directory_of(path);
  Inode inode;
  inode.bytes = bytes;
  inode.synced_bytes = bytes;
  const std::uint64_t made = add(std::move(inode));
  at(parent).names[split_path(path).name] = made;
  changed_names(parent);
}

void MemoryFileSystem::remove(const std::string& path) {
  const std::uint64_t parent = find_directory_of(path);
  at(parent).names.erase(split_path(path).name);
  changed_names(parent);
}

std::uint64_t MemoryFileSystem::open_by_writer(const std::string& path) {
  const std::uint64_t inode = find(path);
  ++at(inode).writers;
  return inode;
}

void MemoryFileSystem::append_by_writer(std::uint64_t inode, std::string_view text) {
  at(inode).bytes += text;
  at(inode).mtime_ns = ++ticks_;
}

void MemoryFileSystem::close_by_writer(std::uint64_t inode) { --at(inode).writers; }

void MemoryFileSystem::set_owner(const std::string& path, std::uint32_t owner,
                                 std::uint32_t group) {
  at(find(path)).owner = owner;
  at(find(path)).group = group;
}

void MemoryFileSystem::set_mtime_of(const std::string& path, std::int64_t mtime_ns) {
  at(find(path)).mtime_ns = mtime_ns;
}

void MemoryFileSystem::set_flags(const std::string& path, std::uint32_t flags) {
  at(find(path)).flags = flags;
}

void MemoryFileSystem::set_attribute_of(const std::string& path, const std::string& key,
                                        std::string_view value) {
  at(find(path)).attributes[key] = value;
}

void MemoryFileSystem::set_mount_point(const std::string& path, bool mounted) {
  at(find(path)).mount_point = mounted;
}

std::optional<std::string> MemoryFileSystem::content(const std::string& path) const {
  const std::uint64_t inode = find(path);
  if (inode == 0) return std::nullopt;
  return inodes_.at(inode).bytes;
}

FileStatus MemoryFileSystem::status_of(const std::string& path) const {
  return to_status(find(path));
}

std::map<std::string, std::string> MemoryFileSystem::attributes_of(const std::string& path) const {
  return inodes_.at(find(path)).attributes;
}

std::vector<std::string> MemoryFileSystem::names(const std::string& path) const {
  std::vector<std::string> found;
  const std::uint64_t inode = find(path);
  if (inode == 0) return found;
  for (const auto& [name, number] : inodes_.at(inode).names) found.push_back(name);
  return found;
}

std::set<std::optional<std::string>> MemoryFileSystem::survivors(const std::string& path) const {
  const PathParts parts = split_path(path);
  const std::uint64_t directory = find(parts.directory == "/" ? "/" : parts.directory);
  std::set<std::optional<std::string>> found;
  for (const Names& names : inodes_.at(directory).history) {
    const auto place = names.find(parts.name);
    if (place == names.end()) {
      found.insert(std::nullopt);
      continue;
    }
    const Inode& inode = inodes_.at(place->second);
    found.insert(inode.bytes);
    found.insert(inode.synced_bytes);
  }
  return found;
}

void MemoryFileSystem::power_cut(bool names_persist, bool bytes_persist) {
  kill_process();
  for (auto& [number, inode] : inodes_) {
    if (!bytes_persist) inode.bytes = inode.synced_bytes;
    inode.synced_bytes = inode.bytes;
    inode.writers = 0;
    if (inode.kind != FileStatus::Kind::directory) continue;
    if (!names_persist) inode.names = inode.history.front();
    inode.history = {inode.names};
  }
}

void MemoryFileSystem::kill_process() {
  open_.clear();
  for (auto& [number, inode] : inodes_) inode.locked_by = -1;
}

int MemoryFileSystem::open_handles() const { return static_cast<int>(open_.size()); }

int MemoryFileSystem::calls_of(const std::string& call) const {
  const auto found = calls_.find(call);
  return found == calls_.end() ? 0 : found->second;
}

}  // namespace hostspin
