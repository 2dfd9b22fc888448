#pragma once

#include <string>
#include <vector>

#include "hostspin/manifest.h"
#include "toml_read.h"

namespace hostspin {

inline constexpr std::size_t kChecksPerServiceMax = 16;

/// A service's `check`: a table or an array of tables. `where` names the service, for messages; its
/// name is the default of server_name and host. Errc::bad_manifest.
Result<std::vector<Check>> read_checks(const TomlValue& value, const HostName& service,
                                       const std::string& where, UnknownKeys unknown);

}  // namespace hostspin
