#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hostspin/result.h"
#include "secret.h"

namespace hostspin::desk {

/// A path in a message: 'FILE', or "standard input" for "-".
[[nodiscard]] std::string shown_path(const std::string& path);

/// The directory that `path` lies in, "." for a bare name.
[[nodiscard]] std::string parent_of(const std::string& path);

/// `path` without links, "." and ".."; as it is where there is no such file.
[[nodiscard]] std::string real_path(const std::string& path);

/// A whole file, or standard input for "-", of at most `bytes_max` bytes; a link is followed, since
/// a document proves itself. Errc::not_found, denied, io_error, or usage where it is too big.
Result<std::string> read_document(const std::string& path, std::size_t bytes_max);

/// A file that only its owner can read: no link, a regular file of this user or of root, no
/// permission for group or others. Errc::denied or symlink_refused, with the remedy.
Result<Secret> read_private(const std::string& path);

/// A new file of mode 0600, on disk when this returns. Errc::usage if something stands there
/// already: no private key is ever overwritten.
Result<void> write_new_private(const std::string& path, std::string_view bytes);

/// A new file of mode 0644; refuses to overwrite.
Result<void> write_new(const std::string& path, std::string_view bytes);

/// `bytes` in place of whatever stands at `path`, at once or not at all; the mode of a replaced
/// file is kept. A symbolic link is refused, since the rename would replace it.
Result<void> replace_document(const std::string& path, std::string_view bytes);

/// Whether replace_document() could put a file at `path`, permissions apart: its directory
/// is there, and `path` is no link and nothing but a file.
Result<void> check_replaceable(const std::string& path);

/// Moves the file `from`, which holds `bytes`, to `to` by one rename, on disk when this returns;
/// what stood there gives its mode, and is there whole until the new one is. Across file systems
/// the bytes are written beside `to` first.
Result<void> move_document(const std::string& from, const std::string& to, std::string_view bytes);

/// A directory that this process alone may work in, among those that ask; until it goes. Where the
/// file system has no locks nothing is locked.
class DirectoryLock {
 public:
  /// Waits for up to ten seconds for another process; Errc::io_error then.
  static Result<DirectoryLock> take(const std::string& directory);
  /// The directories in which the files `paths` lie, each once and in one order for all processes;
  /// "-" lies in none.
  static Result<std::vector<DirectoryLock>> take_all(const std::vector<std::string>& paths);
  DirectoryLock(DirectoryLock&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  DirectoryLock& operator=(DirectoryLock&&) = delete;
  ~DirectoryLock();

 private:
  explicit DirectoryLock(int number) : number_(number) {}
  int number_;
};

/// An empty or new directory; Errc::usage where it holds something.
Result<void> make_directory(const std::string& path, unsigned mode);

/// The names in a directory; none where it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::string& directory);
[[nodiscard]] bool exists(const std::string& path);
[[nodiscard]] bool is_directory(const std::string& path);

/// A directory of mode 0700 below TMPDIR, removed with its one file when it goes.
class ScratchFile {
 public:
  static Result<ScratchFile> make(std::string_view bytes);
  ScratchFile(ScratchFile&& other) noexcept;
  ScratchFile& operator=(ScratchFile&&) = delete;
  ~ScratchFile();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit ScratchFile(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
  std::string path_;
};

}  // namespace hostspin::desk
