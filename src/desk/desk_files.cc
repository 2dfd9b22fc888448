#include "desk_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <thread>
#include <utility>

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kReadBytes = 8192;
inline constexpr std::chrono::seconds kLockWaitMax{10};
inline constexpr std::chrono::milliseconds kLockPause{20};
inline constexpr mode_t kPublicMode = 0644;
inline constexpr mode_t kPrivateMode = 0600;

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) (void)::close(number_);  // nothing is left to lose: writers have synced
  }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool valid() const { return number_ >= 0; }

 private:
  int number_;
};

Errc code_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return Errc::not_found;
    case EACCES:
    case EPERM:
      return Errc::denied;
    case EROFS:
      return Errc::read_only;
    case ENOSPC:
    case EDQUOT:
      return Errc::disk_full;
    default:
      return Errc::io_error;
  }
}

std::string hint_of(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return "check the spelling of the path, and that its directory exists";
    case EACCES:
    case EPERM:
      return "check the permissions of the file and of its directories";
    case EISDIR:
      return "name a file in that directory";
    case ENOSPC:
    case EDQUOT:
      return "free some space; nothing was replaced";
    case EROFS:
      return "write to another place with -o";
    default:
      return "check the path and the disk that it is on";
  }
}

Error failed(std::string_view what, const std::string& path, int error_number) {
  return {code_of(error_number),
          std::string(what) + " " + shown_path(path) + ": " + std::strerror(error_number),
          hint_of(error_number)};
}

/// Feeds `take` until the end; false from `take` means that there is too much.
template <typename Take>
Result<void> read_all(int descriptor, const std::string& path, Take take) {
  char buffer[kReadBytes];
  for (;;) {
    const ssize_t got = ::read(descriptor, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("cannot read", path, errno);
    if (got == 0) return {};
    if (!take(std::string_view(buffer, static_cast<std::size_t>(got)))) {
      return {Errc::usage, shown_path(path) + " is too big to be what it should be",
              "name the right file: its size is that of something else"};
    }
  }
}

Result<void> write_all(int descriptor, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return failed("cannot write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  if (::fsync(descriptor) != 0) return failed("cannot write", path, errno);
  return {};
}

Result<void> sync_directory(const std::string& path) {
  const Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return failed("cannot open", path, errno);
  if (::fsync(directory.number()) != 0 && errno != EINVAL) {
    return failed("cannot sync", path, errno);
  }
  return {};
}

Result<void> create(const std::string& path, std::string_view bytes, mode_t mode) {
  const Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!file.valid() && errno == EEXIST) {
    return {Errc::usage, quoted(path) + " exists already and is never overwritten",
            "name another file, or move that one away first"};
  }
  if (!file.valid()) return failed("cannot create", path, errno);
  // What is documented, whatever the umask: what is published has to be readable.
  Result<void> done = ::fchmod(file.number(), mode) == 0
                          ? write_all(file.number(), bytes, path)
                          : failed("cannot set mode of", path, errno);
  if (!done) {
    (void)::unlink(path.c_str());  // the write's error is the one worth reporting
    return done;
  }
  return sync_directory(parent_of(path));
}

/// The mode that a file put in the place of `path` gets. A symbolic link is refused, since a rename
/// would replace it.
Result<mode_t> mode_for(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return kPublicMode;
  if (S_ISLNK(status.st_mode)) {
    return {Errc::symlink_refused, quoted(path) + " is a symbolic link",
            "write to the path that the link points to"};
  }
  if (!S_ISREG(status.st_mode)) {
    return {Errc::usage, quoted(path) + " is not a regular file", "write to a file with -o FILE"};
  }
  return status.st_mode & 0777U;
}

}  // namespace

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string real_path(const std::string& path) {
  char resolved[PATH_MAX];
  return ::realpath(path.c_str(), resolved) != nullptr ? resolved : path;
}

std::string shown_path(const std::string& path) {
  return path == "-" ? "standard input" : quoted(path);
}

Result<std::string> read_document(const std::string& path, std::size_t bytes_max) {
  const bool from_stdin = path == "-";
  const Descriptor file(from_stdin ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                                   : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return failed("cannot open", path, errno);
  std::string bytes;
  const Result<void> done = read_all(file.number(), path, [&](std::string_view part) {
    bytes += part;
    return bytes.size() <= bytes_max;
  });
  if (!done) return done.error();
  return bytes;
}

Result<Secret> read_private(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid() && errno == ELOOP) {
    return {Errc::symlink_refused,
            quoted(path) + " is a symbolic link; private keys are not followed",
            "give the path that the link points to"};
  }
  if (!file.valid()) return failed("cannot open", path, errno);

  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return failed("cannot examine", path, errno);
  if (!S_ISREG(status.st_mode)) {
    return {Errc::usage, quoted(path) + " is not a regular file",
            "give the private key file that 'hostspin-sign keygen' wrote"};
  }
  if (status.st_uid != ::geteuid() && status.st_uid != 0) {
    return {Errc::denied, "private key " + quoted(path) + " belongs to another user",
            "copy it into a directory of your own, mode 0600"};
  }
  if ((status.st_mode & 077U) != 0) {
    char mode[8];
    (void)std::snprintf(mode, sizeof(mode), "%04o", status.st_mode & 07777U);
    return {Errc::denied,
            "others can read private key " + quoted(path) + " (mode " + std::string(mode) + ")",
            "run: chmod 600 " + quoted(path) + "; if others may have copied it, make a new key"};
  }
  Secret bytes;
  const Result<void> done =
      read_all(file.number(), path, [&](std::string_view part) { return bytes.append(part); });
  if (!done) return done.error();
  return bytes;
}

Result<void> write_new_private(const std::string& path, std::string_view bytes) {
  return create(path, bytes, kPrivateMode);
}

Result<void> write_new(const std::string& path, std::string_view bytes) {
  return create(path, bytes, kPublicMode);
}

Result<void> replace_document(const std::string& path, std::string_view bytes) {
  const Result<mode_t> mode = mode_for(path);
  if (!mode) return mode.error();
  std::string temp = path + ".XXXXXX";
  const Descriptor file(::mkostemp(temp.data(), O_CLOEXEC));
  if (!file.valid()) return failed("cannot create a file beside", path, errno);
  Result<void> done = write_all(file.number(), bytes, temp);
  if (done && ::fchmod(file.number(), *mode) != 0) done = failed("cannot set mode of", temp, errno);
  if (done && ::rename(temp.c_str(), path.c_str()) != 0) {
    done = failed("cannot replace", path, errno);
  }
  if (!done) {
    (void)::unlink(temp.c_str());  // the first error is the one worth reporting
    return done;
  }
  return sync_directory(parent_of(path));
}

Result<void> check_replaceable(const std::string& path) {
  const std::string directory = parent_of(path);
  struct stat status {};
  int failure = ::stat(directory.c_str(), &status) == 0 ? 0 : errno;
  if (failure == 0 && !S_ISDIR(status.st_mode)) failure = ENOTDIR;
  if (failure != 0) return failed("cannot write", path, failure);
  const Result<mode_t> mode = mode_for(path);
  if (!mode) return mode.error();
  return {};
}

Result<void> move_document(const std::string& from, const std::string& to, std::string_view bytes) {
  const Result<mode_t> mode = mode_for(to);
  if (!mode) return mode.error();
  if (::chmod(from.c_str(), *mode) != 0) return failed("cannot set mode of", from, errno);
  const bool moved = ::rename(from.c_str(), to.c_str()) == 0;
  if (!moved && errno != EXDEV) return failed("cannot replace", to, errno);
  if (!moved) {
    if (Result<void> done = replace_document(to, bytes); !done) return done;
    if (::unlink(from.c_str()) != 0) return failed("cannot remove", from, errno);
  }
  if (Result<void> done = sync_directory(parent_of(to)); !done) return done;
  return sync_directory(parent_of(from));
}

Result<DirectoryLock> DirectoryLock::take(const std::string& directory) {
  DirectoryLock lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.number_ < 0) return failed("cannot open", directory, errno);
  const auto deadline = std::chrono::steady_clock::now() + kLockWaitMax;
  while (::flock(lock.number_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) break;  // no locks there: NFS wants a descriptor that can write
    if (std::chrono::steady_clock::now() > deadline) {
      return {Errc::io_error, "another process holds directory " + quoted(directory),
              "find out who locks it ('fuser " + directory + "'), and sign again"};
    }
    std::this_thread::sleep_for(kLockPause);
  }
  return lock;
}

Result<std::vector<DirectoryLock>> DirectoryLock::take_all(const std::vector<std::string>& paths) {
  std::set<std::string> directories;
  for (const std::string& path : paths) {
    const std::string directory = parent_of(path);
    // What is not there cannot be locked: writing to it says so.
    if (path != "-" && is_directory(directory)) directories.insert(real_path(directory));
  }
  std::vector<DirectoryLock> locks;
  for (const std::string& directory : directories) {
    Result<DirectoryLock> lock = take(directory);
    if (!lock) return std::move(lock).error();
    locks.push_back(*std::move(lock));
  }
  return locks;
}

DirectoryLock::~DirectoryLock() {
  if (number_ >= 0) (void)::close(number_);  // which unlocks it
}

Result<void> make_directory(const std::string& path, unsigned mode) {
  if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) == 0) {
    const Descriptor made(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (made.valid() && ::fchmod(made.number(), static_cast<mode_t>(mode)) == 0) return {};
    return failed("cannot set mode of", path, errno);
  }
  if (errno != EEXIST) return failed("cannot create directory", path, errno);
  if (!is_directory(path)) {
    return {Errc::usage, quoted(path) + " exists and is no directory", "name another directory"};
  }
  if (!names_in(path).empty()) {
    return {Errc::usage, "directory " + quoted(path) + " is not empty",
            "name a directory that does not exist yet"};
  }
  return {};
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  DIR* open = ::opendir(directory.c_str());
  if (open == nullptr) return names;
  while (const dirent* entry = ::readdir(open)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  (void)::closedir(open);  // read only
  return names;
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<ScratchFile> ScratchFile::make(std::string_view bytes) {
  const char* base = std::getenv("TMPDIR");
  std::string directory =
      std::string(base != nullptr && *base == '/' ? base : "/tmp") + "/hostspin-sign.XXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) {
    return failed("cannot create a directory like", directory, errno);
  }
  ScratchFile scratch(directory);
  scratch.path_ = directory + "/text";
  Result<void> done = create(scratch.path_, bytes, kPrivateMode);
  if (!done) return std::move(done).error();
  return scratch;
}

ScratchFile::ScratchFile(ScratchFile&& other) noexcept
    : directory_(std::exchange(other.directory_, {})), path_(std::exchange(other.path_, {})) {}

ScratchFile::~ScratchFile() {
  if (directory_.empty()) return;
  (void)::unlink(path_.c_str());  // a scratch copy of a public text: nothing to report
  (void)::rmdir(directory_.c_str());
}

}  // namespace hostspin::desk
