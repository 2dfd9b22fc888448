#include "refusal.h"

#include <linux/fs.h>

#include <cerrno>
#include <string>

#include "sys_error.h"

namespace hostspin {
namespace {

constexpr std::uint32_t kFixedFlags = FS_IMMUTABLE_FL | FS_APPEND_FL;

std::string flag_name(std::uint32_t flags) {
  return (flags & FS_IMMUTABLE_FL) != 0 ? "immutable (chattr +i)" : "append-only (chattr +a)";
}

}  // namespace

Result<void> check_flags(FileSystem& fs, const Target& target, const ReadFile* file) {
  // A file system without flags answers with an error, and forbids nothing.
  if (file != nullptr) {
    const SysResult<std::uint32_t> flags = fs.inode_flags(file->handle.get());
    if (flags && (*flags & kFixedFlags) != 0)
      return {Errc::immutable, quoted(target.path()) + " is " + flag_name(*flags)};
  }
  const SysResult<std::uint32_t> flags = fs.inode_flags(target.directory.get());
  if (flags && (*flags & kFixedFlags) != 0)
    return {Errc::immutable,
            "directory " + quoted(target.directory_path) + " is " + flag_name(*flags)};
  return {};
}

Error explain_refusal(FileSystem& fs, const Target& target, const ReadFile* file, int number,
                      std::string_view action) {
  Error error = sys_error(number, action);
  if (number == EBUSY) {
    const SysResult<bool> mounted = fs.is_mount_point(target.directory.get(), target.name);
    error.detail += mounted && *mounted
                        ? "; it is a mount point, as a container's bind-mounted file is"
                        : "; something is mounted on it, or it is in use by the kernel";
  }
  if (number == EPERM) {
    Result<void> flags = check_flags(fs, target, file);
    if (!flags) return annotate(std::move(flags).error(), error.detail);
    const bool readable = fs.inode_flags(target.directory.get()).has_value();
    error.code = readable ? Errc::denied : Errc::immutable;
    error.detail += readable ? "; no immutable flag is set, so a security module, a missing "
                               "capability or a sticky directory forbids it"
                             : "; the file or its directory is immutable (chattr +i), or a "
                               "security module forbids it";
  }
  return error;
}

}  // namespace hostspin
