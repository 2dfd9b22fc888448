#include "temp_file.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "path_text.h"
#include "refusal.h"
#include "sys_error.h"

namespace hostspin {
namespace {

constexpr std::uint32_t kNewFileMode = 0644;
constexpr std::string_view kSelinuxKey = "security.selinux";

/// What must not, or cannot, be carried over: signatures of the old bytes, and the kernel's own
/// notes.
bool is_copied(const std::string& key) {
  return key != "security.ima" && key != "security.evm" && !key.starts_with("trusted.");
}

/// None where the file system has no attributes.
Result<std::vector<std::string>> attribute_keys(FileSystem& fs, Handle handle) {
  SysResult<std::vector<std::string>> keys =
      retry_interrupted([&] { return fs.list_attributes(handle); });
  if (keys) return std::move(*keys);
  if (keys.error().number == ENOTSUP || keys.error().number == ENOSYS)
    return std::vector<std::string>();
  return sys_error(keys.error().number, "list extended attributes");
}

Result<void> copy_attribute(FileSystem& fs, Handle from, Handle to, const std::string& key,
                            bool present) {
  const SysResult<std::string> value = retry_interrupted([&] { return fs.attribute(from, key); });
  if (!value) {
    if (value.error().number == ENODATA) return {};  // taken away meanwhile
    return sys_error(value.error().number, "read extended attribute " + quoted(key));
  }
  if (present) {  // a label that the directory gave is often right already
    const SysResult<std::string> own = fs.attribute(to, key);
    if (own && *own == *value) return {};
  }
  const SysResult<void> set = retry_interrupted([&] { return fs.set_attribute(to, key, *value); });
  if (set) return {};
  // Where SELinux runs a new file always has a label. Where it does not, only a capability that the
  // units lack could set one, and whoever turns SELinux on again has to label everything anyway.
  if (key == kSelinuxKey && !present && set.error().number == EPERM) return {};
  Error error = sys_error(set.error().number, "copy extended attribute " + quoted(key));
  if (set.error().number == EPERM)
    error.hint = "run 'hostspin apply' by hand as root, or take that attribute off the file";
  return error;
}

/// Attributes, and the ACL last: it rewrites the group's mode bits.
Result<void> copy_attributes(FileSystem& fs, Handle from, Handle to) {
  const Result<std::vector<std::string>> wanted = attribute_keys(fs, from);
  if (!wanted) return wanted.error();
  const Result<std::vector<std::string>> present = attribute_keys(fs, to);
  if (!present) return present.error();
  const auto has = [](const std::vector<std::string>& keys, std::string_view key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };

  for (const std::string& key : *wanted) {
    if (!is_copied(key) || key == kAclKey) continue;
    if (Result<void> copied = copy_attribute(fs, from, to, key, has(*present, key)); !copied)
      return copied;
  }
  const std::string acl(kAclKey);
  if (has(*wanted, acl)) return copy_attribute(fs, from, to, acl, has(*present, acl));
  if (!has(*present, acl)) return {};
  // The directory's default ACL would give away more than the old file's mode did.
  const SysResult<void> removed = retry_interrupted([&] { return fs.remove_attribute(to, acl); });
  if (!removed) return sys_error(removed.error().number, "remove the inherited ACL");
  return {};
}

Result<void> copy_metadata(FileSystem& fs, const Target& target, Handle temp,
                           const FileStatus& made, const ReadFile* model) {
  const std::uint32_t mode = model != nullptr ? model->status.mode : kNewFileMode;
  if (model != nullptr &&
      (made.owner != model->status.owner || made.group != model->status.group)) {
    const SysResult<void> owned = retry_interrupted(
        [&] { return fs.change_owner(temp, model->status.owner, model->status.group); });
    if (!owned) {
      const int number = owned.error().number;
      Error error = sys_error(number, "keep the owner of " + quoted(target.path()) + ", uid " +
                                          std::to_string(model->status.owner) + " gid " +
                                          std::to_string(model->status.group));
      if (number == EPERM || number == EINVAL) error.code = Errc::foreign_owner;
      return error;
    }
  }
  const SysResult<void> changed = retry_interrupted([&] { return fs.change_mode(temp, mode); });
  if (!changed) return sys_error(changed.error().number, "set the mode of the temporary file");
  if (model == nullptr) return {};
  return copy_attributes(fs, model->handle.get(), temp);
}

Result<void> fill(FileSystem& fs, const Target& target, Handle temp, const std::string& shown,
                  const Pieces& bytes, const FileStatus& made, const ReadFile* model) {
  if (!bytes.empty()) {
    const SysResult<void> allocated =
        retry_interrupted([&] { return fs.allocate(temp, bytes.size()); });
    if (!allocated && allocated.error().number != EOPNOTSUPP && allocated.error().number != ENOSYS)
      return sys_error(allocated.error().number, "make room for " + quoted(shown));
  }
  if (Result<void> written = write_bytes(fs, temp, bytes, shown); !written) return written;
  if (Result<void> copied = copy_metadata(fs, target, temp, made, model); !copied) return copied;

  const Result<bool> same = holds(fs, temp, bytes, shown);
  if (!same) return same.error();
  if (!*same) return {Errc::io_error, quoted(shown) + " does not hold what was written to it"};
  const SysResult<void> synced = retry_interrupted([&] { return fs.sync(temp); });
  if (!synced) return sys_error(synced.error().number, "sync " + quoted(shown));
  return {};
}

}  // namespace

Result<TempFile> make_temp_file(FileSystem& fs, const Target& target, const std::string& temp,
                                const Pieces& bytes, const ReadFile* model) {
  const std::string shown = join_path(target.directory_path, temp);
  const Handle directory = target.directory.get();
  const SysResult<Handle> created = retry_interrupted([&] { return fs.create(directory, temp); });
  if (!created)
    return explain_refusal(fs, target, model, created.error().number, "create " + quoted(shown));

  TempFile file{OwnedHandle(fs, *created), 0};
  const SysResult<FileStatus> made = retry_interrupted([&] { return fs.status(*created); });
  Result<void> filled;
  if (made) {
    file.inode = made->inode;
    filled = fill(fs, target, *created, shown, bytes, *made, model);
  } else {
    filled = sys_error(made.error().number, "look at " + quoted(shown));
  }
  if (filled) return file;
  // The first error is the one worth reporting.
  (void)retry_interrupted([&] { return fs.unlink(directory, temp); });
  return std::move(filled).error();
}

void discard_temp_file(FileSystem& fs, const Target& target, const std::string& temp,
                       std::uint64_t inode) {
  const SysResult<FileStatus> status = fs.status_at(target.directory.get(), temp);
  // What cannot be taken away now, the next run finds and judges.
  if (status && status->inode == inode) (void)fs.unlink(target.directory.get(), temp);
}

}  // namespace hostspin
