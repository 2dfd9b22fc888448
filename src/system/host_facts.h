#pragma once

#include <set>
#include <string>

#include "file_system.h"
#include "hostspin/host_name.h"

namespace hostspin {

inline constexpr std::size_t kHostNameFileBytesMax = 4096;

/// What this machine calls itself, lower case, with and without domain: /etc/hostname, the kernel's
/// nodename (only where `root` is "/": another root is another machine), and the full names that a
/// loopback line of /etc/hosts gives for one of these ("127.0.1.1 web1.example.com web1"). Names
/// that could not stand in a manifest are left out; a file that cannot be read gives none.
[[nodiscard]] std::set<HostName> own_names(FileSystem& fs, const std::string& root);

/// /etc/machine-id below `root`: 32 lower-case hex digits, or empty where there is none (a golden
/// image's is empty or says "uninitialized").
[[nodiscard]] std::string machine_id(FileSystem& fs, const std::string& root);

}  // namespace hostspin
