#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "file_system.h"
#include "hostspin/pieces.h"
#include "hostspin/result.h"
#include "owned_handle.h"

namespace hostspin {

/// How many symlinks may stand between a path and its file (the kernel's own limit is 40).
inline constexpr int kSymlinksMax = 8;

/// A file by its directory: symlinks are resolved once, and from then on nothing but the name in
/// that very directory is touched. The file may be missing.
struct Target {
  OwnedHandle directory;
  std::string directory_path;  ///< as seen from the root
  std::string name;

  [[nodiscard]] std::string path() const;
};

/// Errc::not_found where the directory is missing, symlink_refused above kSymlinksMax, denied;
/// io_error where something is in the file's place that is no regular file.
Result<Target> open_target(FileSystem& fs, const std::string& root, const std::string& path);

/// The extended attribute that is a file's access control list.
inline constexpr std::string_view kAclKey = "system.posix_acl_access";

/// "no permission for PATH", with the directory above where it is that which may not be entered.
[[nodiscard]] Error no_permission(FileSystem& fs, const std::string& root, const std::string& path);

/// A regular file as it was read.
struct ReadFile {
  OwnedHandle handle;
  FileStatus status;  ///< before its bytes were read
  std::string bytes;
};

/// The regular file `name`, opened only.
Result<std::optional<ReadFile>> open_file(FileSystem& fs, const Target& target,
                                          const std::string& name);

/// The refusal of a hosts file above kHostsBytesMax.
[[nodiscard]] Error hosts_too_large(const std::string& shown);

/// Its bytes from the beginning, until the end. Above `bytes_max` Errc::hosts_too_large where that
/// is kHostsBytesMax, else Errc::io_error.
Result<void> read_bytes(FileSystem& fs, ReadFile& file, const std::string& shown,
                        std::size_t bytes_max);

/// Whether the file holds exactly `bytes`; read in pieces.
Result<bool> holds(FileSystem& fs, Handle handle, const Pieces& bytes, const std::string& shown);

/// All of `bytes`, from the beginning of the file.
Result<void> write_bytes(FileSystem& fs, Handle handle, const Pieces& bytes,
                         const std::string& shown);

}  // namespace hostspin
