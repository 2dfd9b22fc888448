#include "posix_file_system.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "catch.h"
#include "hosts_sample.h"
#include "hostspin/hosts_file.h"
#include "lock.h"
#include "replace_file.h"
#include "system_clock.h"

using namespace hostspin;
using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

namespace {

/// A directory of the test's own, with the shape of a small machine.
class Scratch {
 public:
  Scratch() {
    std::string name = (stdfs::temp_directory_path() / "hostspin-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root_ = name;
    for (const char* directory : {"/etc", "/run", "/var/lib/hostspin"})
      stdfs::create_directories(root_ + directory);
    put("/etc/hosts", kSampleHosts);
  }
  ~Scratch() { stdfs::remove_all(root_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& root() const { return root_; }
  std::string at(const std::string& path) const { return root_ + path; }
  void put(const std::string& path, std::string_view bytes) const {
    std::ofstream(at(path), std::ios::binary) << bytes;
  }
  std::string get(const std::string& path) const {
    std::ifstream file(at(path), std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    return bytes.str();
  }
  struct stat status(const std::string& path) const {
    struct stat raw {};
    REQUIRE(::lstat(at(path).c_str(), &raw) == 0);
    return raw;
  }
  std::vector<std::string> names(const std::string& path) const {
    std::vector<std::string> found;
    for (const auto& entry : stdfs::directory_iterator(at(path)))
      found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  std::string root_;
};

ReplaceRequest apply_in(const Scratch& scratch) {
  ReplaceRequest request;
  request.root = scratch.root();
  request.state_directory = "/var/lib/hostspin";
  request.edit = [](std::string_view bytes, bool exists) -> Result<std::optional<Pieces>> {
    Result<Plan> plan = plan_apply(exists ? bytes : kNewHostsFile, make_block(sample_pins()),
                                   sample_pins(), ConflictPolicy::report);
    if (!plan) return std::move(plan).error();
    if (exists && !plan->changes) return std::optional<Pieces>();
    return std::optional<Pieces>(std::move(plan->after));
  };
  return request;
}

Result<ReplaceOutcome> run_apply(const Scratch& scratch) {
  PosixFileSystem fs;
  SystemClock clock;
  return replace_file(fs, clock, apply_in(scratch));
}

std::string with_block(std::string_view foreign) {
  return make_block(sample_pins()) + std::string(foreign);
}

const std::vector<std::string> kHostsAlone{"hosts"};

}  // namespace

TEST_CASE("a real file is replaced", "[posix]") {
  const Scratch scratch;
  const struct stat before = scratch.status("/etc/hosts");
  const Result<ReplaceOutcome> done = run_apply(scratch);
  REQUIRE(done);
  CHECK(done->written);
  CHECK(scratch.get("/etc/hosts") == with_block(kSampleHosts));
  CHECK(scratch.get("/var/lib/hostspin/hosts.prev") == kSampleHosts);
  CHECK(scratch.names("/etc") == kHostsAlone);
  CHECK(scratch.status("/etc/hosts").st_ino != before.st_ino);
  const struct stat after = scratch.status("/etc/hosts");
  const Result<ReplaceOutcome> again = run_apply(scratch);
  REQUIRE(again);
  CHECK_FALSE(again->written);
  CHECK(scratch.status("/etc/hosts").st_ino == after.st_ino);
  CHECK(scratch.status("/etc/hosts").st_mtim.tv_nsec == after.st_mtim.tv_nsec);
}

TEST_CASE("no descriptor leaks", "[posix]") {
  const Scratch scratch;
  const auto count = [] {
    return std::distance(stdfs::directory_iterator("/proc/self/fd"), stdfs::directory_iterator());
  };
  const auto before = count();
  REQUIRE(run_apply(scratch));
  REQUIRE(run_apply(scratch));
  CHECK(count() == before);
}

TEST_CASE("a missing file is made with mode 0644, whatever the umask", "[posix]") {
  const Scratch scratch;
  stdfs::remove(scratch.at("/etc/hosts"));
  const mode_t old = ::umask(0077);
  const Result<ReplaceOutcome> done = run_apply(scratch);
  ::umask(old);
  REQUIRE(done);
  CHECK(done->created);
  CHECK((scratch.status("/etc/hosts").st_mode & 07777U) == 0644U);
  CHECK(scratch.get("/etc/hosts") == with_block(kNewHostsFile));
}

TEST_CASE("owner, mode, attributes and ACL survive on a real disk", "[posix]") {
  const Scratch scratch;
  const std::string path = scratch.at("/etc/hosts");
  if (::geteuid() == 0) REQUIRE(::chown(path.c_str(), 12, 34) == 0);
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  const bool has_xattr = ::setxattr(path.c_str(), "user.note", "mine", 4, 0) == 0;
  if (!has_xattr) WARN("this file system has no user attributes: not tested");
  // Version 2: user::rw-, user:99:r--, group::r--, mask::r--, other::---.
  const unsigned char acl[] = {2, 0,  0,   0,   1,   0,   6,  0, 255, 255, 255, 255, 2,   0,  4,
                               0, 99, 0,   0,   0,   4,   0,  4, 0,   255, 255, 255, 255, 16, 0,
                               4, 0,  255, 255, 255, 255, 32, 0, 0,   0,   255, 255, 255, 255};
  const bool has_acl = ::setxattr(path.c_str(), "system.posix_acl_access", acl, sizeof acl, 0) == 0;
  if (!has_acl) WARN("this file system has no ACLs: not tested");
  const struct stat before = scratch.status("/etc/hosts");

  REQUIRE(run_apply(scratch));
  const struct stat after = scratch.status("/etc/hosts");
  CHECK(after.st_uid == before.st_uid);
  CHECK(after.st_gid == before.st_gid);
  CHECK(after.st_mode == before.st_mode);
  char value[256];
  if (has_xattr) {
    REQUIRE(::getxattr(path.c_str(), "user.note", value, sizeof value) == 4);
    CHECK(std::string_view(value, 4) == "mine");
  }
  if (has_acl) {
    REQUIRE(::getxattr(path.c_str(), "system.posix_acl_access", value, sizeof value) ==
            static_cast<ssize_t>(sizeof acl));
    CHECK(
        std::equal(std::begin(acl), std::end(acl), reinterpret_cast<const unsigned char*>(value)));
  }
}

TEST_CASE("a directory's default ACL opens nothing", "[posix]") {
  const Scratch scratch;
  // user::rwx, user:99:rwx, group::r-x, mask::rwx, other::r-x.
  const unsigned char acl[] = {2, 0,  0,   0,   1,   0,   7,  0, 255, 255, 255, 255, 2,   0,  7,
                               0, 99, 0,   0,   0,   4,   0,  5, 0,   255, 255, 255, 255, 16, 0,
                               7, 0,  255, 255, 255, 255, 32, 0, 5,   0,   255, 255, 255, 255};
  if (::setxattr(scratch.at("/etc").c_str(), "system.posix_acl_default", acl, sizeof acl, 0) != 0) {
    WARN("this file system has no ACLs: not tested");
    return;
  }
  REQUIRE(run_apply(scratch));
  char value[256];
  CHECK(::getxattr(scratch.at("/etc/hosts").c_str(), "system.posix_acl_access", value,
                   sizeof value) == -1);
  CHECK(errno == ENODATA);
}

TEST_CASE("an absolute symlink never leads out of the root", "[posix]") {
  const bool openat2 = GENERATE(true, false);
  CAPTURE(openat2);
  const Scratch scratch;
  const Scratch outside;
  PosixFileSystem fs(openat2);
  SystemClock clock;
  stdfs::remove(scratch.at("/etc/hosts"));

  SECTION("the file itself is a link: resolved inside, with openat2 or without") {
    scratch.put("/etc/hosts.real", kSampleHosts);
    stdfs::create_symlink("/etc/hosts.real", scratch.at("/etc/hosts"));
    REQUIRE(replace_file(fs, clock, apply_in(scratch)));
    CHECK(scratch.get("/etc/hosts.real") == with_block(kSampleHosts));
    CHECK(stdfs::is_symlink(scratch.at("/etc/hosts")));
  }
  SECTION("the file is a link to a place outside, by its path there") {
    stdfs::create_symlink(outside.at("/etc/hosts"), scratch.at("/etc/hosts"));
    const Result<ReplaceOutcome> done = replace_file(fs, clock, apply_in(scratch));
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::not_found);
  }
  SECTION("the file is a link that climbs") {
    std::string climb;
    for (int i = 0; i < 20; ++i) climb += "../";
    stdfs::create_symlink(climb + outside.at("/etc/hosts").substr(1), scratch.at("/etc/hosts"));
    CHECK_FALSE(replace_file(fs, clock, apply_in(scratch)));
  }
  SECTION("a directory on the way is a link") {
    stdfs::create_directories(scratch.at("/usr/etc"));
    scratch.put("/usr/etc/hosts", kSampleHosts);
    stdfs::remove_all(scratch.at("/etc"));
    stdfs::create_symlink("/usr/etc", scratch.at("/etc"));
    const Result<ReplaceOutcome> done = replace_file(fs, clock, apply_in(scratch));
    if (openat2) {
      REQUIRE(done);
      CHECK(scratch.get("/usr/etc/hosts") == with_block(kSampleHosts));
    } else {
      REQUIRE_FALSE(done);
      CHECK(done.error().code == Errc::symlink_refused);
      CHECK(scratch.get("/usr/etc/hosts") == kSampleHosts);
    }
  }
  CHECK(outside.get("/etc/hosts") == kSampleHosts);
  CHECK(outside.names("/etc") == kHostsAlone);
}

TEST_CASE("directories are opened and made inside the root", "[posix]") {
  const bool openat2 = GENERATE(true, false);
  const Scratch scratch;
  PosixFileSystem fs(openat2);
  CHECK(fs.make_directory(scratch.root(), "/var/lib/new", 0755));
  CHECK(stdfs::is_directory(scratch.at("/var/lib/new")));
  CHECK(fs.make_directory(scratch.root(), "/var/lib/new", 0755).error().number == EEXIST);
  CHECK(fs.open_directory(scratch.root(), "/none").error().number == ENOENT);
  CHECK(fs.open_directory(scratch.root(), "/etc/hosts").error().number == ENOTDIR);
  const SysResult<Handle> directory = fs.open_directory(scratch.root(), "/etc");
  REQUIRE(directory);
  CHECK(fs.list(*directory).value() == kHostsAlone);
  CHECK(fs.is_mount_point(*directory, "hosts").value() == false);
  CHECK(fs.close(*directory));
}

TEST_CASE("hard links are reported and keep the old bytes", "[posix]") {
  const Scratch scratch;
  stdfs::create_hard_link(scratch.at("/etc/hosts"), scratch.at("/hosts.hard"));
  const Result<ReplaceOutcome> done = run_apply(scratch);
  REQUIRE(done);
  CHECK(done->hard_linked);
  CHECK(scratch.get("/hosts.hard") == kSampleHosts);
}

TEST_CASE("an immutable file is named as such", "[posix]") {
  const Scratch scratch;
  const int file = ::open(scratch.at("/etc/hosts").c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  int flags = 0;
  const bool known = ::ioctl(file, FS_IOC_GETFLAGS, &flags) == 0;
  int fixed = flags | FS_IMMUTABLE_FL;
  if (known && ::ioctl(file, FS_IOC_SETFLAGS, &fixed) == 0) {
    const Result<ReplaceOutcome> done = run_apply(scratch);
    REQUIRE(::ioctl(file, FS_IOC_SETFLAGS, &flags) == 0);
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::immutable);
    CHECK(scratch.names("/etc") == kHostsAlone);
    CHECK(scratch.get("/etc/hosts") == kSampleHosts);
  } else {
    WARN("no permission, or no file system, for chattr +i: not tested");
  }
  REQUIRE(::close(file) == 0);
}

TEST_CASE("what is no regular file is refused, without hanging", "[posix]") {
  const Scratch scratch;
  stdfs::remove(scratch.at("/etc/hosts"));
  SECTION("a FIFO") { REQUIRE(::mkfifo(scratch.at("/etc/hosts").c_str(), 0644) == 0); }
  SECTION("a directory") { stdfs::create_directory(scratch.at("/etc/hosts")); }
  const Result<ReplaceOutcome> done = run_apply(scratch);
  REQUIRE_FALSE(done);
  CHECK_THAT(done.error().detail, Catch::Contains("not a regular file"));
}

TEST_CASE("below a root nothing but a regular file is opened, whatever was there a moment ago",
          "[posix][attack]") {
  const Scratch scratch;
  PosixFileSystem fs(/*openat2=*/GENERATE(true, false));
  const SysResult<Handle> etc = fs.open_directory(scratch.root(), "/etc");
  REQUIRE(etc);
  int number = 0;
  const std::string odd = scratch.at("/etc/odd");
  SECTION("a FIFO") {
    REQUIRE(::mkfifo(odd.c_str(), 0644) == 0);
    number = ENXIO;
  }
  SECTION("a device") {
    if (::mknod(odd.c_str(), S_IFCHR | 0666, makedev(1, 3)) != 0) return;  // without the right
    number = ENXIO;
  }
  SECTION("a directory") {
    stdfs::create_directory(odd);
    number = EISDIR;
  }
  SECTION("a symlink") {
    stdfs::create_symlink("hosts", odd);
    number = ELOOP;
  }
  const SysResult<Handle> read = fs.open_read(*etc, "odd");
  const SysResult<Handle> write = fs.open_write(*etc, "odd");
  REQUIRE_FALSE(read);
  REQUIRE_FALSE(write);
  CHECK(read.error().number == number);
  CHECK(write.error().number == number);
  for (const bool for_writing : {false, true}) {
    const SysResult<Handle> file =
        for_writing ? fs.open_write(*etc, "hosts") : fs.open_read(*etc, "hosts");
    REQUIRE(file);
    CHECK(fs.read(*file, 0, kSampleHosts.size()) == std::string(kSampleHosts));
    CHECK(fs.close(*file));
  }
  CHECK(fs.close(*etc));
}

TEST_CASE("a directory is made with exactly its mode, whatever the umask", "[posix]") {
  const Scratch scratch;
  PosixFileSystem fs;
  const mode_t mask = GENERATE(0000U, 0022U, 0077U, 0777U);
  const std::uint32_t mode = GENERATE(0755U, 0700U);
  const bool set_group = GENERATE(false, true);
  CAPTURE(mask, mode, set_group);
  if (set_group) REQUIRE(::chmod(scratch.at("/var").c_str(), 02755) == 0);
  const struct stat above = scratch.status("/var");
  const mode_t old = ::umask(mask);
  const SysResult<void> made = fs.make_directory(scratch.root(), "/var/made", mode);
  const SysResult<void> again = fs.make_directory(scratch.root(), "/var/made", 0777);
  ::umask(old);
  if (mask == 0777U && ::geteuid() != 0) return;  // cannot open what it made
  REQUIRE(made);
  CHECK(again.error().number == EEXIST);
  CHECK((scratch.status("/var/made").st_mode & 07777U) == mode);
  CHECK(scratch.status("/var").st_mode == above.st_mode);
}

TEST_CASE("a writer that has the file open is waited for", "[posix][lease]") {
  const Scratch scratch;
  const int writer = ::open(scratch.at("/etc/hosts").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  REQUIRE(writer >= 0);

  SECTION("and its late line is taken over") {
    std::atomic<bool> started = false;
    ReplaceRequest request = apply_in(scratch);
    request.edit = [&started, edit = request.edit](std::string_view bytes, bool exists) {
      started = true;
      return edit(bytes, exists);
    };
    std::thread slow([&] {
      while (!started) std::this_thread::yield();
      const std::string_view line = "10.0.0.8 slow.example\n";
      (void)!::write(writer, line.data(), line.size());
      ::close(writer);
    });
    PosixFileSystem fs;
    SystemClock clock;
    const Result<ReplaceOutcome> done = replace_file(fs, clock, request);
    slow.join();
    REQUIRE(done);
    CHECK_FALSE(done->writer_busy);
    CHECK(scratch.get("/etc/hosts") ==
          with_block(std::string(kSampleHosts) + "10.0.0.8 slow.example\n"));
  }
  SECTION("but not for ever") {
    const auto before = std::chrono::steady_clock::now();
    const Result<ReplaceOutcome> done = run_apply(scratch);
    const auto took = std::chrono::steady_clock::now() - before;
    ::close(writer);
    REQUIRE(done);
    CHECK(done->writer_busy);
    CHECK(took >= kRestWaitMax + kWriterWaitMax);
    CHECK(took < 60s);  // a busy machine takes its time
    CHECK(scratch.get("/etc/hosts") == with_block(kSampleHosts));
    CHECK(scratch.get("/var/lib/hostspin/hosts.prev") == kSampleHosts);
  }
}

TEST_CASE("a lease broken while it is held does not end the process", "[posix][lease]") {
  const Scratch scratch;
  const std::string path = scratch.at("/etc/hosts");
  const pid_t writer = ::fork();
  REQUIRE(writer >= 0);
  while (writer == 0) {  // until it is killed
    const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file >= 0) ::close(file);
  }
  const pid_t holder = ::fork();
  if (holder == 0) {
    PosixFileSystem fs;
    const SysResult<Handle> etc = fs.open_directory(scratch.root(), "/etc");
    const SysResult<Handle> file = fs.open_read(*etc, "hosts");
    int granted = 0;
    int busy = 0;
    for (int tries = 0; tries < 200000; ++tries) ++(fs.try_read_lease(*file) ? granted : busy);
    ::_exit(granted > 0 && busy > 0 ? 0 : 1);
  }
  int status = 0;
  const bool waited = holder > 0 && ::waitpid(holder, &status, 0) == holder;
  ::kill(writer, SIGKILL);
  CHECK(::waitpid(writer, nullptr, 0) == writer);
  REQUIRE(waited);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) != 0) WARN("no lease was both granted and refused: nothing was shown");
}

TEST_CASE("the lock is held against another process and dies with it", "[posix][lock]") {
  const Scratch scratch;
  PosixFileSystem fs;
  SystemClock clock;
  int ready[2];
  int release[2];
  REQUIRE(::pipe(ready) == 0);
  REQUIRE(::pipe(release) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const Result<Lock> lock = Lock::take(fs, clock, scratch.root(), 2s);
    const char answer = lock ? 'y' : 'n';
    (void)!::write(ready[1], &answer, 1);
    char word = 0;
    (void)!::read(release[0], &word, 1);
    ::_exit(0);  // no destructor runs: the kernel lets go
  }
  char answer = 0;
  REQUIRE(::read(ready[0], &answer, 1) == 1);
  CHECK(answer == 'y');
  const Result<Lock> busy = Lock::take(fs, clock, scratch.root(), 20ms);
  REQUIRE_FALSE(busy);
  CHECK(busy.error().code == Errc::busy);
  REQUIRE(::write(release[1], "x", 1) == 1);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(Lock::take(fs, clock, scratch.root(), 2s));
  CHECK((scratch.status("/run/hostspin/lock").st_mode & 07777U) == 0600U);
  for (const int end : {ready[0], ready[1], release[0], release[1]}) ::close(end);
}

TEST_CASE("times before 1970 are kept exactly", "[posix]") {
  const Scratch scratch;
  PosixFileSystem fs;
  const SysResult<Handle> etc = fs.open_directory(scratch.root(), "/etc");
  const SysResult<Handle> file = fs.open_write(*etc, "hosts");
  REQUIRE(file);
  for (const std::int64_t time :
       {std::int64_t{-1}, std::int64_t{-1'500'000'000}, std::int64_t{1'767'225'600'123'456'789}}) {
    REQUIRE(fs.set_mtime(*file, time));
    CHECK(fs.status(*file)->mtime_ns == time);
  }
  CHECK(fs.close(*file));
  CHECK(fs.close(*etc));
}
