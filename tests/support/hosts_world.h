#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fake_clock.h"
#include "hosts_sample.h"
#include "hostspin/hosts_file.h"
#include "memory_file_system.h"
#include "replace_file.h"

namespace hostspin {

inline const std::string kHosts = "/etc/hosts";
inline const std::string kTemp = "/etc/hosts.hostspin.tmp";
inline const std::string kState = "/var/lib/hostspin";

inline std::string with_block(const std::string& foreign) {
  return make_block(sample_pins()) + foreign;
}

/// What `apply` asks for.
inline ReplaceRequest apply_request() {
  ReplaceRequest request;
  request.state_directory = kState;
  request.edit = [](std::string_view bytes, bool exists) -> Result<std::optional<Pieces>> {
    Result<Plan> plan = plan_apply(exists ? bytes : kNewHostsFile, make_block(sample_pins()),
                                   sample_pins(), ConflictPolicy::report);
    if (!plan) return std::move(plan).error();
    if (exists && !plan->changes) return std::optional<Pieces>();
    return std::optional<Pieces>(std::move(plan->after));
  };
  request.doubtful = [](std::string_view bytes) { return !gives_localhost(bytes); };
  return request;
}

/// A machine with a hosts file and hostspin's directories.
struct HostsWorld {
  MemoryFileSystem disk;
  FakeClock clock;

  explicit HostsWorld(const std::string& hosts = std::string(kSampleHosts)) {
    disk.put(kHosts, hosts);
    disk.put_directory(kState);
    disk.put_directory("/run/hostspin");
  }
  Result<ReplaceOutcome> apply(ReplaceRequest request = apply_request()) {
    return replace_file(disk, clock, request);
  }
  std::string hosts() const { return disk.content(kHosts).value_or("(missing)"); }
};

inline const std::string kOld(kSampleHosts);

}  // namespace hostspin
