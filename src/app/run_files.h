#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "file_system.h"
#include "hostspin/result.h"

namespace hostspin {

inline constexpr std::string_view kRunDirectory = "/run/hostspin";
inline constexpr std::size_t kRunFileBytesMax = 1U << 20U;
/// The one file that is written without the lock: by the agent's supervisor alone.
inline constexpr const char* kAgentFile = "agent";

/// The small files that passes share until the next boot: reverts, alarms, probes, block, agent,
/// changed, scheduled.note, status.json. Nothing that decides about a manifest is among them. Empty
/// where there is none that can be read.
[[nodiscard]] std::optional<std::string> read_run_file(FileSystem& fs, const std::string& root,
                                                       const std::string& name,
                                                       std::size_t bytes_max = kRunFileBytesMax);
/// Makes the directory where it is missing; atomic, and not meant to outlive a power cut.
Result<void> write_run_file(FileSystem& fs, const std::string& root, const std::string& name,
                            std::string_view bytes);

/// Nothing where there is none.
void remove_run_file(FileSystem& fs, const std::string& root, const std::string& name);

/// Takes away temporary files that a killed pass left. The caller holds the lock.
void sweep_run_files(FileSystem& fs, const std::string& root);

}  // namespace hostspin
