#pragma once

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace hostspin {

/// A file descriptor that is closed with its owner; -1 for none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Descriptor old(std::exchange(fd_, other.release()));
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// Whether an error says that this machine has no room just now: no descriptor, no memory.
[[nodiscard]] inline bool is_shortage(int error_number) {
  return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
         error_number == ENOMEM || error_number == ENOSPC;  // the last of epoll
}

/// How soon it is worth looking whether there is room by now.
inline constexpr std::chrono::milliseconds kShortagePause{50};
/// For how long: as long as a check of our own may hold what is lacking.
inline constexpr std::chrono::milliseconds kShortageLimit{2500};

}  // namespace hostspin
