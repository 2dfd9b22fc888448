#include "lock.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "number_text.h"
#include "owned_handle.h"
#include "replace_file.h"
#include "sys_error.h"

namespace hostspin {
namespace {

constexpr const char* kRunDirectory = "/run/hostspin";
constexpr const char* kLockName = "lock";
constexpr std::uint32_t kLockMode = 0600;
constexpr const char* kLockHint = "look at it, and take it away by hand: hostspin makes its own";
constexpr std::chrono::milliseconds kPollTime{5};
constexpr std::size_t kHolderBytes = 11;  // a process's number, right-aligned, and a line feed

SysResult<Handle> make_open(FileSystem& fs, const std::string& root, const std::string& path) {
  const SysResult<void> made = fs.make_directory(root, path, 0755);
  if (!made && made.error().number != EEXIST) return tl::make_unexpected(made.error());
  return fs.open_directory(root, path);
}

SysResult<Handle> open_run_directory(FileSystem& fs, const std::string& root) {
  SysResult<Handle> opened =
      retry_interrupted([&] { return fs.open_directory(root, kRunDirectory); });
  if (opened || opened.error().number != ENOENT) return opened;
  opened = make_open(fs, root, kRunDirectory);
  if (opened || opened.error().number != ENOENT) return opened;
  // An image without /run.
  const SysResult<Handle> run = make_open(fs, root, "/run");
  if (!run) return run;
  (void)fs.close(*run);  // only made
  return make_open(fs, root, kRunDirectory);
}

/// One that is there is looked at first: what is written to the lock must not go to a device, nor
/// into a file that has another name elsewhere.
Result<Handle> open_lock(FileSystem& fs, Handle directory, const std::string& shown) {
  const auto failed = [&](const SysError& error) {
    return error.number == ENXIO || error.number == EISDIR
               ? Error{Errc::io_error, quoted(shown) + " is not a regular file", kLockHint}
               : sys_error(error.number, "open " + shown);
  };
  // Twice, since another hostspin may make it between the two calls.
  for (int tries = 0;; ++tries) {
    const SysResult<FileStatus> found =
        retry_interrupted([&] { return fs.status_at(directory, kLockName); });
    if (!found && found.error().number != ENOENT) return failed(found.error());
    if (found && found->kind != FileStatus::Kind::regular) return failed(SysError{ENXIO});
    if (found && found->links > 1)
      return {Errc::io_error, quoted(shown) + " has another name (a hard link)", kLockHint};
    if (found) {
      const SysResult<Handle> opened =
          retry_interrupted([&] { return fs.open_write(directory, kLockName); });
      if (opened) return *opened;
      if (opened.error().number != ENOENT || tries == 1) return failed(opened.error());
      continue;
    }
    const SysResult<Handle> made =
        retry_interrupted([&] { return fs.create(directory, kLockName); });
    if (made) {
      (void)fs.change_mode(*made, kLockMode);  // less by a strict umask works as well
      return *made;
    }
    if (made.error().number != EEXIST || tries == 1) return failed(made.error());
  }
}

/// For whoever finds it held and wants to tell by whom. Best effort: the lock holds without it.
void sign_lock(FileSystem& fs, Handle lock) {
  std::array<char, kHolderBytes + 1> text{};
  // Always as long, so that nothing of a longer number stays behind.
  (void)std::snprintf(text.data(), text.size(), "%10d\n", static_cast<int>(getpid()));
  (void)fs.write(lock, 0, std::string_view(text.data(), kHolderBytes));
}

}  // namespace

Result<Lock> Lock::take(FileSystem& fs, Clock& clock, const std::string& root,
                        std::chrono::milliseconds limit) {
  const SysResult<Handle> directory = open_run_directory(fs, root);
  if (!directory)
    return sys_error(directory.error().number, "open directory " + std::string(kRunDirectory));
  const Result<Handle> handle =
      open_lock(fs, *directory, std::string(kRunDirectory) + "/" + kLockName);
  (void)fs.close(*directory);  // only looked into
  if (!handle) return handle.error();

  OwnedHandle file(fs, *handle);
  const std::chrono::steady_clock::time_point deadline = clock.steady() + limit;
  for (;;) {
    const SysResult<void> locked = retry_interrupted([&] { return fs.try_lock(*handle); });
    if (locked) {
      sign_lock(fs, *handle);
      return Lock(fs, file.release());
    }
    if (locked.error().number != EWOULDBLOCK)
      return sys_error(locked.error().number, "lock " + std::string(kRunDirectory) + "/lock");
    const std::chrono::nanoseconds left = deadline - clock.steady();
    if (left <= std::chrono::nanoseconds::zero())
      return {Errc::busy, "another hostspin has held " + std::string(kRunDirectory) + "/lock for " +
                              std::to_string(limit.count()) + " ms"};
    clock.sleep(std::min<std::chrono::nanoseconds>(left, kPollTime));
  }
}

std::int64_t Lock::holder(FileSystem& fs, const std::string& root) {
  const Result<std::optional<std::string>> text =
      read_file(fs, root, std::string(kRunDirectory) + "/" + kLockName, kHolderBytes);
  if (!text || !*text) return 0;
  const std::size_t begin = std::min((*text)->find_first_not_of(' '), (*text)->size());
  const std::string_view digits = std::string_view(**text).substr(begin);
  return parse_number(digits.substr(0, digits.find('\n'))).value_or(0);
}

Lock::Lock(Lock&& other) noexcept
    : fs_(std::exchange(other.fs_, nullptr)),
      handle_(other.handle_),
      hold_(std::move(other.hold_)) {}

Lock::~Lock() {
  if (fs_ == nullptr) return;
  (void)fs_->truncate(handle_, 0);  // of the signature; an image bake leaves nothing that differs
  (void)fs_->close(handle_);        // the lock goes with it
}

}  // namespace hostspin
