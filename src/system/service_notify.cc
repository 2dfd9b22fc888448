#include "service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "number_text.h"

namespace hostspin {
namespace {

std::optional<std::int64_t> variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? std::nullopt : parse_number(text);
}

}  // namespace

// Our own few lines instead of libsystemd, which would bring eight libraries into every process.
void notify_service_manager(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  const std::string_view name(path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // an abstract socket
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  (void)sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
               reinterpret_cast<const sockaddr*>(&address), size);
  (void)close(fd);
}

bool has_service_manager() { return std::getenv("NOTIFY_SOCKET") != nullptr; }

void notify_reloading() {
  timespec now{};
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return;
  const std::int64_t microseconds =
      static_cast<std::int64_t>(now.tv_sec) * 1000000 + now.tv_nsec / 1000;
  notify_service_manager("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds));
}

std::optional<std::chrono::milliseconds> watchdog_period() {
  const std::optional<std::int64_t> microseconds = variable("WATCHDOG_USEC");
  if (!microseconds || *microseconds <= 0) return std::nullopt;
  const std::optional<std::int64_t> process = variable("WATCHDOG_PID");
  if (process && *process != getpid()) return std::nullopt;
  return std::chrono::milliseconds(*microseconds / 2000);
}

}  // namespace hostspin
