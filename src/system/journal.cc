#include "journal.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

namespace hostspin {
namespace {

/// How long an entry may wait for a journald that is behind; then it is lost.
constexpr std::chrono::milliseconds kJournalWaitMax{250};

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

/// A socket that is connected to the journal below `root`; -1 where there is none.
OwnedFd Journal::connect() const {
  std::string path = (root_ == "/" ? std::string() : root_) + std::string(kJournalSocket);
  sockaddr_un address{};
  OwnedFd directory;
  if (path.size() >= sizeof address.sun_path) {
    // A path below a long --root does not fit into a socket's address: through the open directory.
    const std::size_t slash = path.rfind('/');
    directory = OwnedFd(open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0) return {};
    path = "/proc/self/fd/" + std::to_string(directory.get()) + path.substr(slash);
  }
  if (path.size() >= sizeof address.sun_path) return {};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return {};
  // Its queue holds some ten entries, and a pass may end many alarms at once.
  constexpr timeval kWait{0, std::chrono::microseconds(kJournalWaitMax).count()};
  (void)setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kWait, sizeof kWait);
  return fd;
}

bool Journal::send(const JournalFields& fields) {
  const OwnedFd fd = connect();
  if (fd.get() < 0) return false;
  const std::string entry = journal_entry(fields);
  const int flags = MSG_NOSIGNAL | (is_behind_ ? MSG_DONTWAIT : 0);
  const ssize_t size = ::send(fd.get(), entry.data(), entry.size(), flags);
  is_behind_ = size < 0 && errno == EAGAIN;
  return size == static_cast<ssize_t>(entry.size());
}

void Journal::wait_until_read() {
  const OwnedFd fd = connect();
  // journald passes over an empty datagram, and once it has read one it is done with those before.
  if (fd.get() < 0 || is_behind_ || ::send(fd.get(), "", 0, MSG_NOSIGNAL) != 0) return;
  const auto end = std::chrono::steady_clock::now() + kJournalWaitMax;
  constexpr timespec kPause{0, 500'000};
  for (int unread = 1; std::chrono::steady_clock::now() < end; (void)nanosleep(&kPause, nullptr))
    if (ioctl(fd.get(), SIOCOUTQ, &unread) != 0 || unread == 0) return;
}

}  // namespace hostspin
