#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "doctor.h"
#include "hostspin/version.h"
#include "memory_file_system.h"

namespace hostspin {

using Severity = Finding::Severity;

inline Pin pin(const std::string& address, const std::string& name) {
  return {*IPAddress::parse(address), *HostName::parse(name)};
}

/// A Debian machine on which nothing is wrong.
struct Machine {
  MemoryFileSystem disk;
  DoctorInput input;

  Machine() {
    disk.put("/etc/hosts", "127.0.0.1 localhost\n");
    disk.put("/etc/nsswitch.conf", "hosts: files dns\n");
    disk.put("/etc/host.conf", "multi on\n");
    disk.put("/etc/os-release", "ID=debian\n");
    input.pins = {pin("10.1.2.3", "db.example.com"), pin("2001:db8::3", "db.example.com")};
    input.now = std::chrono::sys_seconds{std::chrono::seconds(kBuildTime + 1)};
    input.live = LiveFacts{};
    input.live->stale_mounts = StaleMounts{{}, true};
  }

  std::vector<Finding> examine() { return examine_machine(disk, input); }
};

/// The findings of one code, as "severity: what".
inline std::vector<std::string> of(const std::vector<Finding>& findings, const std::string& code) {
  std::vector<std::string> found;
  for (const Finding& one : findings) {
    if (one.code == code)
      found.push_back(std::string(severity_name(one.severity)) + ": " + one.what);
  }
  return found;
}

inline std::optional<Severity> worst(const std::vector<Finding>& findings,
                                     const std::string& code) {
  std::optional<Severity> severity;
  for (const Finding& one : findings) {
    if (one.code == code) severity = std::max(severity.value_or(Severity::ok), one.severity);
  }
  return severity;
}

/// Codes of everything that is more than information.
inline std::vector<std::string> troubles(const std::vector<Finding>& findings) {
  std::vector<std::string> codes;
  for (const Finding& one : findings) {
    if (one.severity >= Severity::warning) codes.push_back(one.code);
  }
  return codes;
}

using Texts = std::vector<std::string>;

}  // namespace hostspin
