// What this systemd does not do of what the units ask for. It ignores what it does not know, with a
// line in the journal at most.

#include <array>
#include <charconv>
#include <optional>

#include "doctor_examination.h"

namespace hostspin {
namespace {

using Severity = Finding::Severity;

struct Directive {
  const char* name;
  int since;  ///< the version of systemd
};
/// Those of the units that are younger than the oldest systemd that they are for, which is 239.
/// hostspin(8) says what holds without each.
constexpr std::array kNewerDirectives = {
    Directive{"ProtectHostname", 242},
    Directive{"RestrictSUIDSGID", 242},
    Directive{"OOMPolicy", 243},
    Directive{"ProtectKernelLogs", 244},
    Directive{"ProtectClock", 245},
    Directive{"FixedRandomDelay", 247},
    Directive{"ProcSubset", 247},
    Directive{"ProtectProc", 247},
    Directive{"TriggerLimitIntervalSec", 250},
};

/// Where its own library stands, whose name has the version: `libsystemd-shared-252.so`, with more
/// behind the number in some distributions.
constexpr std::array kLibraryDirectories = {
    "/usr/lib/systemd", "/lib/systemd", "/usr/lib64/systemd", "/usr/lib/x86_64-linux-gnu/systemd",
    "/usr/lib/aarch64-linux-gnu/systemd"};
constexpr std::string_view kLibraryName = "libsystemd-shared-";

std::optional<int> systemd_version(Examination& exam) {
  for (const char* directory : kLibraryDirectories) {
    for (const std::string& name : exam.list(directory, ".so")) {
      if (!name.starts_with(kLibraryName)) continue;
      int version = 0;
      const char* digits = name.data() + kLibraryName.size();
      const auto read = std::from_chars(digits, name.data() + name.size(), version);
      if (read.ec == std::errc()) return version;
    }
  }
  return std::nullopt;
}

void examine_directives(Examination& exam) {
  const std::optional<int> version = systemd_version(exam);
  if (!version) return;
  std::string unknown;
  for (const Directive& directive : kNewerDirectives) {
    if (*version >= directive.since) continue;
    if (!unknown.empty()) unknown += ", ";
    unknown += directive.name;
    unknown += "= (since " + std::to_string(directive.since) + ")";
  }
  const std::string systemd = "systemd " + std::to_string(*version);
  if (unknown.empty()) {
    return exam.add("systemd", Severity::ok, systemd + " knows all that the units ask for");
  }
  exam.add("systemd", Severity::info,
           systemd + " ignores what it does not know of the units: " + unknown +
               "; no capability, NoNewPrivileges= and the list of system calls hold without them",
           "SANDBOX in hostspin(8) says what each of them would add");
}

/// Filters of addresses are programs on a group of version 2. `systemd` is there with version 1
/// alone, and `unified` where both are mounted, which is enough.
void examine_address_filter(Examination& exam) {
  if (!exam.exists("/sys/fs/cgroup/systemd")) return;
  if (exam.exists("/sys/fs/cgroup/unified/cgroup.controllers")) return;
  exam.add("address_filter", Severity::info,
           "control groups are of version 1 here, where systemd does nothing for IPAddressDeny=: "
           "hostspin-net keeps out of metadata services by itself alone, and a module of the "
           "resolver may ask by multicast in hostspin-ask",
           "boot with systemd.unified_cgroup_hierarchy=1, if that matters here");
}

}  // namespace

void examine_systemd(Examination& exam) {
  if (!exam.is_running_system() || !exam.exists("/run/systemd/system")) return;
  examine_directives(exam);
  examine_address_filter(exam);
}

}  // namespace hostspin
