#include "target.h"

#include <algorithm>
#include <cerrno>

#include "path_text.h"
#include "replace_file.h"
#include "sys_error.h"

namespace hostspin {
namespace {

// What is read at once where the size is not known, or nothing is kept.
constexpr std::size_t kPieceBytes = 65536;
// What is asked for at the end of a file that is as long as it said.
constexpr std::size_t kMoreBytes = 512;

Error not_regular(const std::string& shown) {
  return {Errc::io_error, quoted(shown) + " is not a regular file",
          "look at it, and take it away by hand"};
}

}  // namespace

std::string Target::path() const { return join_path(directory_path, name); }

Error hosts_too_large(const std::string& shown) {
  return {Errc::hosts_too_large, shown + " is larger than " +
                                     std::to_string(kHostsBytesMax >> 20U) +
                                     " MiB, which is more than hostspin takes on"};
}

Result<Target> open_target(FileSystem& fs, const std::string& root, const std::string& path) {
  std::string at = path;
  for (int links = 0; links <= kSymlinksMax; ++links) {
    PathParts parts = split_path(at);
    if (parts.name.empty() || parts.name == "." || parts.name == "..")
      return {Errc::usage, quoted(at) + " names a directory, not a file"};
    const SysResult<Handle> directory =
        retry_interrupted([&] { return fs.open_directory(root, parts.directory); });
    if (!directory)
      return sys_error(directory.error().number, "open directory " + quoted(parts.directory));
    Target target{OwnedHandle(fs, *directory), std::move(parts.directory), std::move(parts.name)};

    const SysResult<FileStatus> status =
        retry_interrupted([&] { return fs.status_at(*directory, target.name); });
    if (!status && status.error().number != ENOENT)
      return sys_error(status.error().number, "look at " + quoted(at));
    // Before it is opened: a device may do something then, and a FIFO wait.
    if (!status || status->kind == FileStatus::Kind::regular) return target;
    if (status->kind != FileStatus::Kind::symlink) return not_regular(at);

    const SysResult<std::string> link =
        retry_interrupted([&] { return fs.read_link(*directory, target.name); });
    if (!link) return sys_error(link.error().number, "read the symlink " + quoted(at));
    at = join_path(target.directory_path, *link);
  }
  return {Errc::symlink_refused,
          quoted(path) + " leads through more than " + std::to_string(kSymlinksMax) + " symlinks"};
}

Error no_permission(FileSystem& fs, const std::string& root, const std::string& path) {
  std::string shown = path;
  const std::string directory = split_path(path).directory;
  const SysResult<Handle> opened = fs.open_directory(root, directory);
  if (opened) (void)fs.close(*opened);  // only tried
  if (!opened && (opened.error().number == EACCES || opened.error().number == EPERM))
    shown = directory;
  return {Errc::denied, "no permission for " + quoted(shown),
          "run it as root, or as a user who may read that"};
}

Result<std::optional<ReadFile>> open_file(FileSystem& fs, const Target& target,
                                          const std::string& name) {
  const std::string shown = join_path(target.directory_path, name);
  const SysResult<Handle> handle =
      retry_interrupted([&] { return fs.open_read(target.directory.get(), name); });
  if (!handle) {
    if (handle.error().number == ENOENT) return std::optional<ReadFile>();
    const int number = handle.error().number;
    if (number == ENXIO || number == EISDIR) return not_regular(shown);
    return sys_error(handle.error().number, "open " + quoted(shown));
  }
  ReadFile file{OwnedHandle(fs, *handle), {}, {}};
  const SysResult<FileStatus> status = retry_interrupted([&] { return fs.status(*handle); });
  if (!status) return sys_error(status.error().number, "look at " + quoted(shown));
  if (status->kind != FileStatus::Kind::regular) return not_regular(shown);
  file.status = *status;
  return std::optional<ReadFile>(std::move(file));
}

Result<void> read_bytes(FileSystem& fs, ReadFile& file, const std::string& shown,
                        std::size_t bytes_max) {
  file.bytes.clear();
  const auto too_large = [&] {
    return bytes_max == kHostsBytesMax
               ? hosts_too_large(quoted(shown))
               : Error{Errc::io_error,
                       quoted(shown) + " is larger than " + std::to_string(bytes_max) + " bytes"};
  };
  if (file.status.size > bytes_max) return too_large();
  for (const std::size_t size = file.status.size;;) {
    const std::size_t done = file.bytes.size();
    const std::size_t wanted = size > done                ? size - done
                               : size == done && size > 0 ? kMoreBytes
                                                          : kPieceBytes;
    SysResult<std::string> piece =
        retry_interrupted([&] { return fs.read(file.handle.get(), done, wanted); });
    if (!piece) return sys_error(piece.error().number, "read " + quoted(shown));
    if (piece->empty()) return {};
    if (file.bytes.empty())
      file.bytes = std::move(*piece);
    else
      file.bytes += *piece;
    if (file.bytes.size() > bytes_max) return too_large();
  }
}

Result<bool> holds(FileSystem& fs, Handle handle, const Pieces& bytes, const std::string& shown) {
  auto part = bytes.parts().begin();
  std::string_view rest;  // of the part before it
  for (std::size_t at = 0;;) {
    const SysResult<std::string> read = retry_interrupted(
        [&] { return fs.read(handle, at, std::min(kPieceBytes, bytes.size() - at + 1)); });
    if (!read) return sys_error(read.error().number, "read " + quoted(shown));
    if (read->empty()) return at == bytes.size();
    at += read->size();
    if (at > bytes.size()) return false;
    for (std::string_view found = *read; !found.empty();) {
      if (rest.empty()) rest = *part++;
      const std::size_t size = std::min(rest.size(), found.size());
      if (rest.substr(0, size) != found.substr(0, size)) return false;
      rest.remove_prefix(size);
      found.remove_prefix(size);
    }
  }
}

Result<void> write_bytes(FileSystem& fs, Handle handle, const Pieces& bytes,
                         const std::string& shown) {
  std::size_t at = 0;
  const auto write = [&](std::string_view part) -> Result<void> {
    while (!part.empty()) {
      const SysResult<std::size_t> count =
          retry_interrupted([&] { return fs.write(handle, at, part); });
      if (!count) return sys_error(count.error().number, "write " + quoted(shown));
      if (*count == 0)
        return {Errc::io_error, "cannot write " + quoted(shown) + ": nothing is taken"};
      const std::size_t taken = std::min(*count, part.size());
      at += taken;
      part.remove_prefix(taken);
    }
    return {};
  };
  std::string small;  // parts that are not worth a call each
  for (const std::string_view part : bytes.parts()) {
    if (small.size() + part.size() <= kPieceBytes) {
      small += part;
      continue;
    }
    if (Result<void> written = write(small); !written) return written;
    small.clear();
    if (part.size() <= kPieceBytes)
      small = part;
    else if (Result<void> written = write(part); !written)
      return written;
  }
  return write(small);
}

}  // namespace hostspin
