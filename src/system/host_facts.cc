#include "host_facts.h"

#include <sys/utsname.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "config_lines.h"
#include "entry.h"
#include "replace_file.h"
#include "sys_error.h"
#include "target.h"

namespace hostspin {
namespace {

constexpr std::size_t kMachineIdDigits = 32;
/// A host writes its own name near the top; the block before it has at most 64 KiB.
constexpr std::size_t kOwnLinesWithin = 256U << 10U;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view without_domain(std::string_view name) { return name.substr(0, name.find('.')); }

void add(std::set<HostName>& names, std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  const Result<HostName> name = HostName::parse(lower(text));
  if (name && !is_reserved(*name)) names.insert(*name);
}

void add_both_forms(std::set<HostName>& names, std::string_view text) {
  add(names, text);
  add(names, without_domain(text));
}

/// The first line of /etc/hostname that is neither blank nor a comment, as systemd reads it.
std::string name_in_hostname_file(std::string_view bytes) {
  for (const std::string_view line : lines_of(bytes)) {
    const std::vector<std::string_view> words = words_of(line);
    if (!words.empty() && words.front().front() != '#') return std::string(words.front());
  }
  return {};
}

bool is_loopback(std::string_view address) {
  return address.substr(0, 4) == "127." || address == "::1";
}

/// Without splitting it into words: a hosts file may have 100,000 lines, and a few are of loopback.
bool may_start_with_loopback(std::string_view line) {
  const std::string_view start = line.substr(0, 4);
  return start == "127." || start.starts_with("::1") || is_blank(line.front());
}

/// "127.0.1.1 web1.example.com web1" is where a host's domain is written down; no resolver is
/// asked.
void add_full_names(std::set<HostName>& names, std::string_view hosts_bytes) {
  const std::set<HostName> known = names;
  for_each_line(hosts_bytes, [&](std::string_view line) {
    if (line.empty() || !may_start_with_loopback(line)) return;
    const std::vector<std::string_view> words = words_of(without_comment(line));
    if (words.size() < 2 || !is_loopback(words.front())) return;
    for (std::size_t i = 1; i < words.size(); ++i) {
      const Result<HostName> short_name = HostName::parse(lower(without_domain(words[i])));
      if (short_name && known.count(*short_name) != 0) add(names, words[i]);
    }
  });
}

/// The first `size` bytes, or nothing.
std::string read_beginning(FileSystem& fs, const std::string& root, const std::string& path,
                           std::size_t size) {
  const Result<Target> target = open_target(fs, root, path);
  if (!target) return {};
  Result<std::optional<ReadFile>> file = open_file(fs, *target, target->name);
  if (!file || !*file) return {};
  const std::size_t wanted = std::min<std::uint64_t>(size, (*file)->status.size);
  SysResult<std::string> bytes =
      retry_interrupted([&] { return fs.read((*file)->handle.get(), 0, wanted); });
  return bytes ? std::move(*bytes) : std::string();
}

std::string read_or_empty(FileSystem& fs, const std::string& root, const std::string& path,
                          std::size_t bytes_max) {
  Result<std::optional<std::string>> bytes = read_file(fs, root, path, bytes_max);
  if (!bytes || !*bytes) return {};
  return std::move(**bytes);
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::set<HostName> own_names(FileSystem& fs, const std::string& root) {
  std::set<HostName> names;
  utsname kernel = {};
  if (root == "/" && uname(&kernel) == 0) add_both_forms(names, kernel.nodename);
  add_both_forms(names, name_in_hostname_file(
                            read_or_empty(fs, root, "/etc/hostname", kHostNameFileBytesMax)));
  if (!names.empty()) {
    add_full_names(names, read_beginning(fs, root, "/etc/hosts", kOwnLinesWithin));
  }
  return names;
}

std::string machine_id(FileSystem& fs, const std::string& root) {
  const std::string bytes = read_or_empty(fs, root, "/etc/machine-id", kHostNameFileBytesMax);
  std::string id = lower(std::string_view(bytes).substr(0, bytes.find('\n')));
  if (id.size() != kMachineIdDigits || !std::all_of(id.begin(), id.end(), is_hex)) return {};
  // machine-id(5): the all-zero ID is no ID.
  if (id == std::string(kMachineIdDigits, '0')) return {};
  return id;
}

}  // namespace hostspin
