#include "host_facts_live.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>
#include <optional>

#include "config_lines.h"
#include "kept_bytes.h"
#include "path_text.h"
#include "replace_file.h"

namespace hostspin {
namespace {

constexpr std::size_t kCommandBytesMax = 64;
constexpr std::string_view kDeleted = "//deleted";

std::string read_live(const std::string& path, std::size_t bytes_max) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return {};
  std::string bytes;
  std::array<char, 16384> piece;
  while (bytes.size() < bytes_max) {
    const ssize_t size = read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    bytes.append(piece.data(), static_cast<std::size_t>(size));
  }
  close(fd);
  return bytes;
}

std::string link_of(const std::string& path) {
  std::array<char, PATH_MAX> link;
  const ssize_t size = readlink(path.c_str(), link.data(), link.size());
  return size > 0 ? std::string(link.data(), static_cast<std::size_t>(size)) : std::string();
}

struct FreeText {
  void operator()(char* text) const { free(text); }
};

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, FreeText> real(realpath(path.c_str(), nullptr));
  return real ? real.get() : path;
}

bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// proc(5): blank, tab, LF and backslash stand as \ooo.
std::string unescape(std::string_view field) {
  std::string text;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] == '\\' && i + 3 < field.size() && is_octal(field[i + 1]) &&
        is_octal(field[i + 2]) && is_octal(field[i + 3])) {
      text += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                                (field[i + 3] - '0'));
      i += 3;
    } else {
      text += field[i];
    }
  }
  return text;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { (void)closedir(directory); }
};

std::vector<std::int64_t> process_numbers() {
  std::vector<std::int64_t> numbers;
  const std::unique_ptr<DIR, CloseDirectory> directory(opendir("/proc"));
  if (!directory) return numbers;
  while (const dirent* entry = readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    std::int64_t number = 0;
    const std::from_chars_result parsed =
        std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    numbers.push_back(number);
    if (numbers.size() == static_cast<std::size_t>(kProcessesMax)) break;
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

/// Each mount namespace's table is read once; most processes share one.
std::vector<StaleMount> find_stale_mounts(const std::string& name) {
  std::vector<StaleMount> found;
  std::map<std::string, std::optional<std::size_t>> seen;  // namespace → its place in `found`
  for (const std::int64_t number : process_numbers()) {
    const std::string process = "/proc/" + std::to_string(number);
    const std::string space = link_of(process + "/ns/mnt");
    if (space.empty()) continue;  // gone, or a kernel thread
    const auto [known, is_new] = seen.try_emplace(space);
    if (!is_new) {
      if (known->second) ++found[*known->second].processes;
      continue;
    }
    if (found.size() == kStaleMountsMax) break;
    for (const MountLine& line :
         parse_mountinfo(read_live(process + "/mountinfo", kMountTableBytesMax))) {
      if (!is_stale(line, name)) continue;
      const std::string command = read_live(process + "/comm", kCommandBytesMax);
      found.push_back({number, std::string(trimmed(command.substr(0, command.find('\n')))),
                       line.mount_point, 1});
      known->second = found.size() - 1;
      break;
    }
  }
  return found;
}

}  // namespace

std::vector<MountLine> parse_mountinfo(std::string_view text) {
  std::vector<MountLine> lines;
  for (const std::string_view line : lines_of(text)) {
    const std::vector<std::string_view> fields = words_of(line);
    if (fields.size() >= 5) lines.push_back({unescape(fields[3]), unescape(fields[4])});
  }
  return lines;
}

bool is_stale(const MountLine& line, std::string_view name) {
  std::string_view path = line.root;
  const bool deleted = path.ends_with(kDeleted);
  if (deleted) path.remove_suffix(kDeleted.size());
  path.remove_prefix(path.rfind('/') + 1);
  // The displaced file is moved there, where it can be, and taken away by the next one.
  if (path == kPreviousName) return true;
  // After an exchange the old file goes under the temporary name.
  return deleted && (path == name || path == std::string(name) + std::string(kTempSuffix));
}

LiveFacts read_live_facts(const std::string& root, const std::string& path) {
  LiveFacts facts;
  utsname kernel = {};
  if (uname(&kernel) == 0) facts.kernel_release = kernel.release;
  facts.user = geteuid();

  const bool is_running_system = root == "/";
  const std::string full = is_running_system ? path : root + "/" + path;
  const std::string directory = split_path(full).directory;
  struct statvfs volume = {};
  facts.read_only = statvfs(directory.c_str(), &volume) == 0 && (volume.f_flag & ST_RDONLY) != 0;

  const std::string real = real_path(full);
  const std::vector<MountLine> mounts =
      parse_mountinfo(read_live("/proc/self/mountinfo", kMountTableBytesMax));
  facts.mount_point = std::any_of(mounts.begin(), mounts.end(),
                                  [&](const MountLine& line) { return line.mount_point == real; });
  if (is_running_system && facts.user == 0) {
    facts.stale_mounts = find_stale_mounts(split_path(path).name);
    facts.saw_all_processes = true;
  }
  return facts;
}

}  // namespace hostspin
