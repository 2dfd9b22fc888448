#pragma once

#include <utility>

#include "file_system.h"

namespace hostspin {

/// An open handle, closed at the end of its scope. For files read, or already synced: what close()
/// says then changes nothing.
class OwnedHandle {
 public:
  OwnedHandle() = default;
  OwnedHandle(FileSystem& fs, Handle handle) : fs_(&fs), handle_(handle) {}
  OwnedHandle(OwnedHandle&& other) noexcept
      : fs_(std::exchange(other.fs_, nullptr)), handle_(other.handle_) {}
  OwnedHandle& operator=(OwnedHandle&& other) noexcept {
    std::swap(fs_, other.fs_);
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~OwnedHandle() { close(); }

  void close() {
    if (fs_ != nullptr) (void)std::exchange(fs_, nullptr)->close(handle_);
  }
  explicit operator bool() const { return fs_ != nullptr; }
  [[nodiscard]] Handle get() const { return handle_; }
  /// Gives the handle away.
  Handle release() {
    fs_ = nullptr;
    return handle_;
  }

 private:
  FileSystem* fs_ = nullptr;
  Handle handle_ = -1;
};

}  // namespace hostspin
