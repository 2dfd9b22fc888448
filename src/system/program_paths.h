#pragma once

#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

/// Where the running program's workers stand: `../libexec/hostspin` as seen from its own directory,
/// without "..", and nowhere else. Errc::io_error where /proc does not tell.
Result<std::string> libexec_directory();
/// The same for a program whose executable is `executable`, an absolute path.
[[nodiscard]] std::string libexec_directory_of(std::string_view executable);

}  // namespace hostspin
