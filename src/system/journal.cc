#include "journal.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

#include "posix_file_system.h"

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
  std::string path(kJournalSocket);
  OwnedFd place;
  if (root_ != "/") {
    // Found within the tree, whose owner may have put a link there, and connected to as it was
    // found. A long path would not fit into a socket's address, either.
    PosixFileSystem fs;
    place = OwnedFd(fs.open_path(root_, path).value_or(-1));
    struct stat found {};
    if (!place.is_open() || fstat(place.get(), &found) != 0 || !S_ISSOCK(found.st_mode)) return {};
    path = "/proc/self/fd/" + std::to_string(place.get());
  }
  sockaddr_un address{};
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
