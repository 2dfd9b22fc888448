#pragma once

#include <cerrno>
#include <string_view>

#include "file_system.h"
#include "hostspin/result.h"

namespace hostspin {

/// A failed system call as an Error: "cannot <action>: <what errno means>".
[[nodiscard]] Error sys_error(int number, std::string_view action);

/// How often an interrupted call is begun again: enough for any storm of signals, not for ever.
inline constexpr int kInterruptsMax = 100;

/// `call` again while it is interrupted.
template <typename Call>
auto retry_interrupted(Call call) {
  auto result = call();
  for (int tries = 1; !result && result.error().number == EINTR && tries < kInterruptsMax; ++tries)
    result = call();
  return result;
}

}  // namespace hostspin
