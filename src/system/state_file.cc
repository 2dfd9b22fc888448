// Files that only hostspin writes, and plain reading.

#include <cerrno>

#include "replace_file.h"
#include "sys_error.h"
#include "target.h"

namespace hostspin {
namespace {

constexpr std::uint32_t kStateMode = 0644;

/// At most as many may read a copy as `model`: its bits mean the same people where the group is
/// the same, and no access list stands beside them.
std::uint32_t copy_mode(FileSystem& fs, const ReadFile& model, const FileStatus& made) {
  constexpr std::uint32_t kOwner = 0600;
  constexpr std::uint32_t kGroup = 0040;
  constexpr std::uint32_t kOthers = 0004;
  if (fs.attribute(model.handle.get(), std::string(kAclKey))) return kOwner;
  const std::uint32_t wanted = model.status.mode & (kGroup | kOthers);
  if (made.group == model.status.group) return kOwner | wanted;
  return wanted == (kGroup | kOthers) ? kStateMode : kOwner;
}

Result<void> write_temp(FileSystem& fs, Handle directory, const std::string& temp,
                        std::string_view bytes, bool durable, const ReadFile* model) {
  const std::string shown(temp);
  const SysResult<Handle> created = retry_interrupted([&] { return fs.create(directory, temp); });
  if (!created) return sys_error(created.error().number, "create " + quoted(shown));
  const OwnedHandle file(fs, *created);
  if (Result<void> written = write_bytes(fs, *created, bytes, shown); !written) return written;
  std::uint32_t mode = kStateMode;
  if (model != nullptr) {
    const SysResult<FileStatus> made = retry_interrupted([&] { return fs.status(*created); });
    if (!made) return sys_error(made.error().number, "look at " + quoted(shown));
    mode = copy_mode(fs, *model, *made);
  }
  const SysResult<void> changed = retry_interrupted([&] { return fs.change_mode(*created, mode); });
  if (!changed) return sys_error(changed.error().number, "set the mode of " + quoted(shown));
  if (!durable) return {};
  const SysResult<void> synced = retry_interrupted([&] { return fs.sync(*created); });
  if (!synced) return sys_error(synced.error().number, "sync " + quoted(shown));
  return {};
}

Result<void> replace_in(FileSystem& fs, Handle directory, const std::string& name,
                        std::string_view bytes, bool durable, const ReadFile* model) {
  const std::string temp = name + std::string(kTempSuffix);
  const SysResult<void> cleared = fs.unlink(directory, temp);  // what a killed run left
  if (!cleared && cleared.error().number != ENOENT)
    return sys_error(cleared.error().number, "remove " + quoted(temp));
  Result<void> done = write_temp(fs, directory, temp, bytes, durable, model);
  if (done) {
    const SysResult<void> renamed =
        retry_interrupted([&] { return fs.rename(directory, temp, name); });
    if (!renamed) done = sys_error(renamed.error().number, "rename " + quoted(temp));
  }
  if (!done) {
    (void)fs.unlink(directory, temp);  // the first error is the one worth reporting
    return done;
  }
  if (!durable) return {};
  const SysResult<void> synced = retry_interrupted([&] { return fs.sync(directory); });
  if (!synced && synced.error().number != EINVAL)  // EINVAL: a file system without it
    return sys_error(synced.error().number, "sync the directory");
  return {};
}

}  // namespace

Result<std::optional<std::string>> read_file(FileSystem& fs, const std::string& root,
                                             const std::string& path, std::size_t bytes_max) {
  const Result<Target> target = open_target(fs, root, path);
  if (!target) {
    if (target.error().code == Errc::not_found) return std::optional<std::string>();
    return target.error();
  }
  Result<std::optional<ReadFile>> file = open_file(fs, *target, target->name);
  if (!file) return std::move(file).error();
  if (!*file) return std::optional<std::string>();
  if (Result<void> read = read_bytes(fs, **file, target->path(), bytes_max); !read)
    return std::move(read).error();
  return std::optional<std::string>(std::move((*file)->bytes));
}

Result<void> write_state_file(FileSystem& fs, const std::string& root, const std::string& directory,
                              const std::string& name, std::string_view bytes, bool durable,
                              const ReadFile* model) {
  const SysResult<Handle> opened =
      retry_interrupted([&] { return fs.open_directory(root, directory); });
  if (!opened) return sys_error(opened.error().number, "open directory " + quoted(directory));
  const OwnedHandle handle(fs, *opened);
  Result<void> done = replace_in(fs, *opened, name, bytes, durable, model);
  if (!done) return annotate(std::move(done).error(), "cannot keep " + directory + "/" + name);
  return done;
}

}  // namespace hostspin
