#pragma once

#include <set>
#include <string>

#include "file_system.h"
#include "hostspin/host_name.h"

namespace hostspin {

inline constexpr std::size_t kHostNameFileBytesMax = 4096;

/// What this machine calls itself, lower case, as far as it says a domain with that: the first line
/// of /etc/hostname that is no comment. The kernel's name counts only where that file is missing,
/// empty or says `localhost…`, since a DHCP server can set it, and only where `root` is "/":
/// another root is another machine. Empty where there is none, and where the file cannot be read.
[[nodiscard]] std::string own_name(FileSystem& fs, const std::string& root);

/// Why nobody can say what this machine calls itself: /etc/hostname is there and cannot be read, or
/// its first lines are longer than kHostNameFileBytesMax. Empty where it can be said.
[[nodiscard]] std::string own_name_unreadable(FileSystem& fs, const std::string& root);

/// The kernel's name with and without its domain; none where `root` is another machine's.
[[nodiscard]] std::set<HostName> kernel_names(const std::string& root);

/// own_name() with and without its domain (S4), where that could stand in a manifest.
[[nodiscard]] std::set<HostName> own_names(FileSystem& fs, const std::string& root);

/// /etc/machine-id below `root`: 32 lower-case hex digits, or empty where there is none (a golden
/// image's is empty or says "uninitialized").
[[nodiscard]] std::string machine_id(FileSystem& fs, const std::string& root);

}  // namespace hostspin
