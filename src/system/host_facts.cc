#include "host_facts.h"

#include <sys/utsname.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "config_lines.h"
#include "replace_file.h"
#include "sys_error.h"
#include "target.h"

namespace hostspin {
namespace {

constexpr std::size_t kMachineIdDigits = 32;
/// What images and installers call a machine that has no name yet begins so.
constexpr std::string_view kNoName = "localhost";

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

std::string_view without_domain(std::string_view name) { return name.substr(0, name.find('.')); }

/// Lower case, without the dot that ends a full name.
std::string canonical(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  return lower(text);
}

void add(std::set<HostName>& names, std::string_view text) {
  const Result<HostName> name = HostName::parse(text);
  if (name && !is_reserved(*name)) names.insert(*name);
}

/// The first line of /etc/hostname that is neither blank nor a comment, as systemd reads it.
std::string name_in_hostname_file(std::string_view bytes) {
  for (const std::string_view line : lines_of(bytes)) {
    const std::vector<std::string_view> words = words_of(line);
    if (!words.empty() && words.front().front() != '#') return std::string(words.front());
  }
  return {};
}

/// The first `size` bytes, empty where there is no such file; nothing where it cannot be read.
std::optional<std::string> read_beginning(FileSystem& fs, const std::string& root,
                                          const std::string& path, std::size_t size) {
  const Result<Target> target = open_target(fs, root, path);
  if (!target) {
    return target.error().code == Errc::not_found ? std::optional(std::string()) : std::nullopt;
  }
  Result<std::optional<ReadFile>> file = open_file(fs, *target, target->name);
  if (!file) return std::nullopt;
  if (!*file) return std::string();
  const std::size_t wanted = std::min<std::uint64_t>(size, (*file)->status.size);
  SysResult<std::string> bytes =
      retry_interrupted([&] { return fs.read((*file)->handle.get(), 0, wanted); });
  if (!bytes) return std::nullopt;
  return std::move(*bytes);
}

std::string read_or_empty(FileSystem& fs, const std::string& root, const std::string& path,
                          std::size_t bytes_max) {
  Result<std::optional<std::string>> bytes = read_file(fs, root, path, bytes_max);
  if (!bytes || !*bytes) return {};
  return std::move(**bytes);
}

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

std::string own_name(FileSystem& fs, const std::string& root) {
  const std::optional<std::string> file =
      read_beginning(fs, root, "/etc/hostname", kHostNameFileBytesMax);
  if (!file) return {};
  std::string name = canonical(name_in_hostname_file(*file));
  const bool says_none = name.empty() || name.starts_with(kNoName);
  if (!says_none) return name;
  // Whoever answers DHCP can set the kernel's name, so a name that is written down comes first.
  utsname kernel = {};
  if (root != "/" || uname(&kernel) != 0) return {};
  name = canonical(kernel.nodename);
  return name.starts_with(kNoName) ? std::string() : name;
}

std::set<HostName> own_names(FileSystem& fs, const std::string& root) {
  std::set<HostName> names;
  const std::string name = own_name(fs, root);
  add(names, name);
  add(names, without_domain(name));
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
