#include "journal.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace hostspin {
namespace {

/// How long an entry may wait for a journald that is behind; then it is lost.
constexpr timeval kJournalWaitMax{0, 250000};

}  // namespace

// Our own few lines instead of libsystemd, which would bring eight libraries into every process.
std::string journal_entry(const JournalFields& fields) {
  std::string entry;
  for (const auto& [key, whole] : fields) {
    const std::string_view value = std::string_view(whole).substr(0, kJournalValueBytesMax);
    entry += key;
    if (value.find('\n') == std::string_view::npos) {
      entry.append("=").append(value).append("\n");
      continue;
    }
    entry += '\n';
    std::uint64_t size = value.size();  // 64 bits, little-endian
    for (int byte = 0; byte < 8; ++byte, size >>= 8U) {
      entry += static_cast<char>(static_cast<unsigned char>(size & 0xffU));
    }
    entry.append(value).append("\n");
  }
  return entry;
}

bool Journal::send(const JournalFields& fields) {
  std::string path = (root_ == "/" ? std::string() : root_) + std::string(kJournalSocket);
  sockaddr_un address{};
  int directory = -1;
  if (path.size() >= sizeof address.sun_path) {
    // A path below a long --root does not fit into a socket's address: through the open directory.
    const std::size_t slash = path.rfind('/');
    directory = open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return false;
    path = "/proc/self/fd/" + std::to_string(directory) + path.substr(slash);
  }
  address.sun_family = AF_UNIX;
  bool sent = false;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && path.size() < sizeof address.sun_path) {
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    // Its queue holds some ten entries, and a pass may end many alarms at once.
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kJournalWaitMax, sizeof kJournalWaitMax);
    const std::string entry = journal_entry(fields);
    const int flags = MSG_NOSIGNAL | (is_behind_ ? MSG_DONTWAIT : 0);
    const ssize_t size = sendto(fd, entry.data(), entry.size(), flags,
                                reinterpret_cast<const sockaddr*>(&address), sizeof address);
    sent = size == static_cast<ssize_t>(entry.size());
    is_behind_ = size < 0 && errno == EAGAIN;
  }
  if (fd >= 0) (void)close(fd);
  if (directory >= 0) (void)close(directory);
  return sent;
}

}  // namespace hostspin
