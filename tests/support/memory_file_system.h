#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "file_system.h"

namespace hostspin {

/// A small disk in memory that knows what a power cut leaves. Bytes of a file survive for sure only
/// as they were at its last sync (never synced: as an empty file). Names survive as they were after
/// any of the changes since the directory's last sync: at once, as on a journal that commits early,
/// or not at all. Other writers are played by the test, directly or from `on_call`.
class MemoryFileSystem : public FileSystem {
 public:
  MemoryFileSystem();

  // What a test arranges.
  void put(const std::string& path, std::string_view bytes, std::uint32_t mode = 0644);
  void put_link(const std::string& path, const std::string& target);
  void put_directory(const std::string& path);
  /// A device, FIFO or socket: opened_node() tells whether it was opened, at which a device
  /// may do something.
  void put_node(const std::string& path);
  /// Another writer's `>>`, its O_TRUNC and write, its rename of a new file over the name, its
  /// unlink.
  void append(const std::string& path, std::string_view text);
  void rewrite(const std::string& path, std::string_view bytes);
  void replace(const std::string& path, std::string_view bytes);
  void remove(const std::string& path);
  /// A writer that has the file open: it stays that inode, wherever its name goes.
  std::uint64_t open_by_writer(const std::string& path);
  void append_by_writer(std::uint64_t inode, std::string_view text);
  void close_by_writer(std::uint64_t inode);

  void set_owner(const std::string& path, std::uint32_t owner, std::uint32_t group);
  void set_mtime_of(const std::string& path, std::int64_t mtime_ns);
  void set_flags(const std::string& path, std::uint32_t flags);
  void set_attribute_of(const std::string& path, const std::string& key, std::string_view value);
  void set_mount_point(const std::string& path, bool mounted = true);
  void add_link(const std::string& path, const std::string& other);

  // What a test looks at.
  [[nodiscard]] std::optional<std::string> content(const std::string& path) const;
  [[nodiscard]] FileStatus status_of(const std::string& path) const;
  [[nodiscard]] std::map<std::string, std::string> attributes_of(const std::string& path) const;
  /// Names in a directory.
  [[nodiscard]] std::vector<std::string> names(const std::string& path) const;
  /// Every content that a power cut now may leave at `path`.
  [[nodiscard]] std::set<std::optional<std::string>> survivors(const std::string& path) const;
  /// The machine dies and comes back: one of those outcomes, and no file is open any more.
  void power_cut(bool names_persist, bool bytes_persist);
  /// The process dies alone: its descriptors go, nothing else.
  void kill_process();
  [[nodiscard]] int open_handles() const;
  [[nodiscard]] bool opened_node() const { return opened_node_; }
  [[nodiscard]] int calls_of(const std::string& call) const;

  /// Called before each system call with its name: other writers act here.
  std::function<void(const std::string& call)> on_call;

  bool has_exchange = true;
  int no_exchange_error = EINVAL;  ///< what renameat2 answers without it
  bool may_rename = true;          ///< else something forbids it, in whatever way
  bool is_one_mount = true;        ///< else no file moves between directories
  bool has_mount_query = true;
  bool may_change_owner = true;
  std::uint32_t user = 0;

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
  [[nodiscard]] std::uint32_t effective_user() const override { return user; }

 private:
  using Names = std::map<std::string, std::uint64_t>;
  struct Inode {
    FileStatus::Kind kind = FileStatus::Kind::regular;
    std::string bytes;
    std::string synced_bytes;
    std::string link;
    Names names;                 ///< of a directory
    std::vector<Names> history;  ///< as of its last sync, then after each change
    std::uint32_t mode = 0644;
    std::uint32_t owner = 0;
    std::uint32_t group = 0;
    std::uint32_t flags = 0;
    std::int64_t mtime_ns = 0;
    std::uint64_t links = 1;
    std::map<std::string, std::string> attributes;
    int writers = 0;  ///< of others
    bool mount_point = false;
    Handle locked_by = -1;
  };
  struct Open {
    std::uint64_t inode = 0;
    bool may_write = false;
  };

  void called(const std::string& call);
  std::uint64_t add(Inode inode);
  Inode& at(std::uint64_t inode) { return inodes_.at(inode); }
  [[nodiscard]] std::uint64_t find(const std::string& path) const;
  std::uint64_t find_directory_of(const std::string& path);
  /// Symlinks to directories followed, absolute ones from `root`.
  SysResult<std::uint64_t> walk(std::uint64_t root, const std::string& path, int links);
  SysResult<std::uint64_t> child(Handle directory, const std::string& name);
  void changed_names(std::uint64_t directory);
  Handle add_handle(std::uint64_t inode, bool may_write);
  FileStatus to_status(std::uint64_t inode) const;
  bool is_fixed(std::uint64_t inode) const;

  std::map<std::uint64_t, Inode> inodes_;
  std::map<Handle, Open> open_;
  std::map<std::string, int> calls_;
  std::uint64_t next_inode_ = 2;
  Handle next_handle_ = 3;
  std::int64_t ticks_ = 1;
  bool opened_node_ = false;
};

}  // namespace hostspin
