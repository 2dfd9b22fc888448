#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "file_system.h"
#include "host_facts_live.h"
#include "hostspin/hosts_file.h"
#include "hostspin/result.h"
#include "replace_file.h"
#include "worker.h"

namespace hostspin {

/// One thing about this machine that could defeat the pins, or that was looked at and is fine.
struct Finding {
  enum class Severity {
    ok,
    info,      ///< good to know; nothing to do
    warning,   ///< the pins can be defeated, or come late
    critical,  ///< the pins are defeated, or cannot be written
  };
  std::string code;  ///< stable: "nsswitch_order"
  Severity severity = Severity::ok;
  std::string what;    ///< what is so, and what follows from it
  std::string remedy;  ///< empty where there is none, or nothing to do
};
[[nodiscard]] std::string_view severity_name(Finding::Severity severity);

/// The code of the finding that this user may not read what is trusted and pinned here.
inline constexpr std::string_view kNoPermissionCode = "no_permission";

struct DoctorInput {
  std::string root = "/";
  std::string hosts_path = "/etc/hosts";
  std::string state_directory = "/var/lib/hostspin";
  std::vector<Pin> pins;  ///< what the held manifest wants; empty where there is none
  WriteMode write = WriteMode::replace;
  bool needs_instance_credentials = false;  ///< a source at S3 asks the metadata service for them
  std::optional<Error> trust_root;  ///< why there is none that can be used
  std::optional<Error> manifest;    ///< why none is held
  std::optional<Error> unreadable;  ///< what this user may not read, so that neither is known
  std::chrono::sys_seconds now;
  std::optional<LiveFacts> live;  ///< absent: asked of the kernel
};

struct FindingSink;  // bounded_examination.h

/// Looks at everything between a look-up and the hosts file, and at everything between hostspin and
/// the file. Reads only; needs no rights, but says what it could not see without them. Worst first.
/// What is found is told to `sink` at once, where there is one.
[[nodiscard]] std::vector<Finding> examine_machine(FileSystem& fs, const DoctorInput& input,
                                                   const FindingSink* sink = nullptr);

/// For all that examine_machine() looks at; the workers have limits of their own.
inline constexpr std::chrono::milliseconds kExaminationMax{4000};

/// Whether both workers start and speak the protocol: a session with nothing asked each.
[[nodiscard]] std::vector<Finding> examine_workers(Worker& worker);

}  // namespace hostspin
