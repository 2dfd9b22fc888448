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

/// The first `size` bytes, and whether there are more; nothing where there is no such file.
struct Beginning {
  std::string bytes;
  bool is_whole = true;
};
Result<Beginning> read_beginning(FileSystem& fs, const std::string& root, const std::string& path,
                                 std::size_t size) {
  const Result<Target> target = open_target(fs, root, path);
  if (!target) {
    if (target.error().code == Errc::not_found) return Beginning();
    return target.error();
  }
  Result<std::optional<ReadFile>> file = open_file(fs, *target, target->name);
  if (!file) return std::move(file).error();
  if (!*file) return Beginning();
  const std::size_t wanted = std::min<std::uint64_t>(size, (*file)->status.size);
  SysResult<std::string> bytes =
      retry_interrupted([&] { return fs.read((*file)->handle.get(), 0, wanted); });
  if (!bytes) return sys_error(bytes.error().number, "read " + quoted(path));
  return Beginning{std::move(*bytes), wanted == (*file)->status.size};
}

/// The first line of /etc/hostname that is neither blank nor a comment, as systemd reads it; empty
/// where it gives none.
Result<std::string> read_hostname(FileSystem& fs, const std::string& root) {
  const Result<Beginning> file = read_beginning(fs, root, "/etc/hostname", kHostNameFileBytesMax);
  if (!file) return file.error();
  for (const std::string_view line : lines_of(file->bytes)) {
    const std::vector<std::string_view> words = words_of(line);
    if (words.empty() || words.front().front() == '#') continue;
    const std::string_view name = words.front();
    const bool is_cut = name.data() + name.size() == file->bytes.data() + file->bytes.size();
    if (is_cut && !file->is_whole) break;
    return canonical(name);
  }
  if (file->is_whole) return std::string();
  return Error{Errc::io_error, "the first " + std::to_string(kHostNameFileBytesMax) +
                                   " bytes of '/etc/hostname' give no name"};
}

/// As far as it says a domain with that; empty where there is none.
std::string kernel_name(const std::string& root) {
  utsname kernel = {};
  if (root != "/" || uname(&kernel) != 0) return {};
  std::string name = canonical(kernel.nodename);
  return name.starts_with(kNoName) ? std::string() : name;
}

std::set<HostName> with_and_without_domain(const std::string& name) {
  std::set<HostName> names;
  add(names, name);
  add(names, without_domain(name));
  return names;
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
  const Result<std::string> name = read_hostname(fs, root);
  if (!name) return {};
  const bool says_none = name->empty() || name->starts_with(kNoName);
  // Whoever answers DHCP can set the kernel's name, so a name that is written down comes first.
  return says_none ? kernel_name(root) : *name;
}

std::string own_name_unreadable(FileSystem& fs, const std::string& root) {
  const Result<std::string> name = read_hostname(fs, root);
  return name ? std::string() : name.error().detail;
}

std::set<HostName> kernel_names(const std::string& root) {
  return with_and_without_domain(kernel_name(root));
}

std::set<HostName> own_names(FileSystem& fs, const std::string& root) {
  return with_and_without_domain(own_name(fs, root));
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
