#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

inline constexpr std::string_view kWorkerUser = "_hostspin";
inline constexpr std::uint32_t kNobody = 65534;
inline constexpr std::size_t kPasswdBytesMax = 4U << 20U;

/// Where the running program's workers stand: `../libexec/hostspin` as seen from its own directory,
/// without "..", and nowhere else. Errc::io_error where /proc does not tell.
Result<std::string> libexec_directory();
/// The same for a program whose executable is `executable`, an absolute path.
[[nodiscard]] std::string libexec_directory_of(std::string_view executable);

/// A user and group by number.
struct Identity {
  std::uint32_t user = kNobody;
  std::uint32_t group = kNobody;
  bool operator==(const Identity&) const = default;
};

/// Who a worker runs as when root starts it: `_hostspin` as /etc/passwd itself says (the name
/// service could reach the network), else nobody. Never user or group 0.
[[nodiscard]] Identity worker_identity();
/// The same, from the text of a passwd file.
[[nodiscard]] Identity worker_identity_in(std::string_view passwd);

}  // namespace hostspin
