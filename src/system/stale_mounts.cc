#include "stale_mounts.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <map>
#include <memory>

#include "config_lines.h"
#include "kept_bytes.h"
#include "owned_fd.h"
#include "replace_file.h"

namespace hostspin {
namespace {

using Time = std::chrono::steady_clock::time_point;

constexpr std::size_t kCommandBytesMax = 64;
constexpr std::string_view kDeleted = "//deleted";
constexpr std::uint32_t kUnknownUser = 65534;  // the kernel's own overflowuid

bool is_over(Time deadline) { return std::chrono::steady_clock::now() >= deadline; }

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

/// All of them, in their order; `whole` is false above kProcessesMax.
std::vector<std::int64_t> process_numbers(bool& whole) {
  std::vector<std::int64_t> numbers;
  whole = false;
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
  whole = numbers.size() < static_cast<std::size_t>(kProcessesMax);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

/// One mount namespace, by the first process found in it.
struct Space {
  std::int64_t process = 0;
  int processes = 1;
  bool is_roots = false;  ///< made by someone who could mount here anyway
};

std::string in_process(std::int64_t number, const char* name) {
  return "/proc/" + std::to_string(number) + "/" + name;
}

/// Who made the user namespace that `process` is in.
std::uint32_t owner_of(std::int64_t process) {
  const OwnedFd space(open(in_process(process, "ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  uid_t owner = kUnknownUser;
  if (!space.is_open() || ioctl(space.get(), NS_GET_OWNER_UID, &owner) != 0) return kUnknownUser;
  return owner;
}

/// Most processes share a few. False where not all could be looked at.
bool list_spaces(std::vector<Space>& spaces, Time deadline) {
  bool whole = false;
  std::map<std::string, std::size_t> seen;
  const std::string own_user = proc_link("/proc/self/ns/user");
  for (const std::int64_t number : process_numbers(whole)) {
    if (is_over(deadline)) return false;
    const std::string name = proc_link(in_process(number, "ns/mnt"));
    if (name.empty()) continue;  // gone, or a kernel thread
    const auto [known, is_new] = seen.try_emplace(name, spaces.size());
    if (!is_new) {
      ++spaces[known->second].processes;
      continue;
    }
    const bool is_roots = proc_link(in_process(number, "ns/user")) == own_user;
    spaces.push_back({number, 1, is_roots});
  }
  std::stable_sort(spaces.begin(), spaces.end(),
                   [](const Space& a, const Space& b) { return a.is_roots > b.is_roots; });
  return whole;
}

}  // namespace

ProcText read_proc(const std::string& path, std::size_t bytes_max, Time deadline) {
  ProcText text;
  const OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.is_open()) return text;
  std::array<char, 65536> piece;
  while (text.bytes.size() < bytes_max && !is_over(deadline)) {
    const ssize_t size = read(file.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return text;
    if (size == 0) {
      text.whole = true;
      return text;
    }
    text.bytes.append(piece.data(), static_cast<std::size_t>(size));
  }
  return text;
}

std::string proc_link(const std::string& path) {
  std::array<char, PATH_MAX> link;
  const ssize_t size = readlink(path.c_str(), link.data(), link.size());
  return size > 0 ? std::string(link.data(), static_cast<std::size_t>(size)) : std::string();
}

StaleMounts find_stale_mounts(const std::string& name, Time deadline) {
  StaleMounts mounts;
  std::vector<Space> spaces;
  mounts.saw_all = list_spaces(spaces, deadline);
  std::size_t bytes_left = kMountTableBytesMax;
  for (const Space& space : spaces) {
    if (is_over(deadline) || bytes_left == 0 || mounts.found.size() == kStaleMountsMax) {
      mounts.saw_all = false;
      break;
    }
    const ProcText table = read_proc(in_process(space.process, "mountinfo"),
                                     std::min(kOtherTableBytesMax, bytes_left), deadline);
    // Gone meanwhile: nobody sees anything there any more.
    if (!table.whole && !table.bytes.empty()) mounts.saw_all = false;
    bytes_left -= std::min(bytes_left, table.bytes.size());
    for (const MountLine& line : parse_mountinfo(table.bytes)) {
      if (!is_stale(line, name)) continue;
      const std::string command =
          read_proc(in_process(space.process, "comm"), kCommandBytesMax, deadline).bytes;
      mounts.found.push_back(
          {space.process, std::string(trimmed(command.substr(0, command.find('\n')))),
           line.mount_point, space.processes, space.is_roots ? 0 : owner_of(space.process)});
      break;
    }
  }
  return mounts;
}

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

}  // namespace hostspin
