#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace hostspin {

/// Sends `state` ("READY=1", "STATUS=…") to the service manager's socket, as sd_notify(3) does;
/// nothing where NOTIFY_SOCKET is not set. Failure is ignored: a service manager that does not
/// listen is not our trouble.
void notify_service_manager(std::string_view state);

/// Whether NOTIFY_SOCKET names one.
[[nodiscard]] bool has_service_manager();

/// RELOADING=1 with the moment that systemd wants beside it; READY=1 ends it.
void notify_reloading();

/// How often WATCHDOG=1 is due: half of WATCHDOG_USEC; empty where no watchdog is set for this
/// process.
[[nodiscard]] std::optional<std::chrono::milliseconds> watchdog_period();

}  // namespace hostspin
