#pragma once

#include <unistd.h>

#include <utility>

namespace hostspin {

/// A file descriptor with one owner.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~OwnedFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  void reset() {
    // Linux frees the descriptor whatever close() answers, so there is nothing to do about an
    // error.
    if (fd_ >= 0) (void)close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

}  // namespace hostspin
