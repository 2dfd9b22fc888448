#include "program_paths.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

#include "config_lines.h"

namespace hostspin {
namespace {

constexpr std::size_t kPasswdFields = 7;

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::optional<std::uint32_t> parse_id(std::string_view text) {
  std::uint32_t id = 0;
  const char* const end = text.data() + text.size();
  const std::from_chars_result parsed = std::from_chars(text.data(), end, id);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return id;
}

/// An account's identity if the passwd line is `user`'s and is well formed.
std::optional<Identity> parse_passwd_line(std::string_view line, std::string_view user) {
  std::array<std::string_view, kPasswdFields> fields;
  for (std::size_t i = 0; i < kPasswdFields; ++i) {
    const std::size_t colon = line.find(':');
    const bool is_last = i + 1 == kPasswdFields;
    if (is_last != (colon == std::string_view::npos)) return std::nullopt;
    fields[i] = line.substr(0, colon);
    if (!is_last) line.remove_prefix(colon + 1);
  }
  if (fields[0] != user) return std::nullopt;
  const std::optional<std::uint32_t> uid = parse_id(fields[2]);
  const std::optional<std::uint32_t> gid = parse_id(fields[3]);
  if (!uid || !gid) return std::nullopt;
  return Identity{*uid, *gid};
}

}  // namespace

std::string libexec_directory_of(std::string_view executable) {
  return std::string(parent_of(parent_of(executable))) + "/libexec/hostspin";
}

Result<std::string> libexec_directory() {
  std::array<char, PATH_MAX> path;
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  if (size <= 0 || path[0] != '/' || static_cast<std::size_t>(size) == path.size()) {
    return {Errc::io_error, "cannot tell where this program stands: /proc/self/exe cannot be read",
            "mount /proc"};
  }
  return libexec_directory_of(std::string_view(path.data(), static_cast<std::size_t>(size)));
}

Identity worker_identity_in(std::string_view passwd) {
  for (const std::string_view line : lines_of(passwd)) {
    const std::optional<Identity> found = parse_passwd_line(line, kWorkerUser);
    // An account with root's numbers would make the worker what it must not be.
    if (found && found->user != 0 && found->group != 0) return *found;
  }
  return {};
}

Identity worker_identity() {
  const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return {};
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < kPasswdBytesMax) {
    const ssize_t size = read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(size));
  }
  close(fd);
  return worker_identity_in(text);
}

}  // namespace hostspin
