#include "lock.h"

#include <unistd.h>

#include <csignal>
#include <optional>

#include "catch.h"
#include "fake_clock.h"
#include "memory_file_system.h"

using namespace hostspin;
using namespace std::chrono_literals;

namespace {

volatile std::sig_atomic_t signals_taken = 0;
extern "C" void count_signal(int) { signals_taken = signals_taken + 1; }

}  // namespace

TEST_CASE("the lock makes what it needs", "[lock]") {
  MemoryFileSystem disk;
  FakeClock clock;
  SECTION("on a machine") { disk.put_directory("/run"); }
  SECTION("in an image without /run") {}
  REQUIRE(Lock::take(disk, clock, "/", 2s));
  CHECK(disk.status_of("/run/hostspin").mode == 0755);
  CHECK(disk.status_of("/run/hostspin/lock").mode == 0600);
  CHECK(disk.open_handles() == 0);
}

TEST_CASE("the lock is inside the root", "[lock]") {
  MemoryFileSystem disk;
  FakeClock clock;
  disk.put_directory("/image");
  REQUIRE(Lock::take(disk, clock, "/image", 2s));
  CHECK(disk.content("/image/run/hostspin/lock") == "");
  CHECK(disk.names("/") == std::vector<std::string>{"image"});
}

TEST_CASE("a lock that is given back names no holder, whatever was in the file", "[lock]") {
  MemoryFileSystem disk;
  FakeClock clock;
  disk.put_directory("/run");
  CHECK(Lock::holder(disk, "/") == 0);
  {
    const Result<Lock> lock = Lock::take(disk, clock, "/", 2s);
    REQUIRE(lock);
    CHECK(Lock::holder(disk, "/") == getpid());
  }
  CHECK(disk.content("/run/hostspin/lock") == "");
  CHECK(Lock::holder(disk, "/") == 0);
  disk.put("/run/hostspin/lock", "nonsense\n");
  CHECK(Lock::holder(disk, "/") == 0);
}

TEST_CASE("what is in the lock's place and no lock is refused unopened, and named",
          "[lock][attack]") {
  MemoryFileSystem disk;
  FakeClock clock;
  disk.put_directory("/run/hostspin");
  disk.put("/etc/secret", "precious");
  SECTION("a device, a FIFO or a socket") { disk.put_node("/run/hostspin/lock"); }
  SECTION("a directory") { disk.put_directory("/run/hostspin/lock"); }
  SECTION("another name of a file") { disk.add_link("/etc/secret", "/run/hostspin/lock"); }
  SECTION("a symlink") { disk.put_link("/run/hostspin/lock", "/etc/secret"); }
  const Result<Lock> lock = Lock::take(disk, clock, "/", 2s);
  REQUIRE_FALSE(lock);
  CHECK(lock.error().code == Errc::io_error);
  CHECK_THAT(lock.error().detail, Catch::Contains("/run/hostspin/lock"));
  CHECK(disk.content("/etc/secret") == "precious");
  CHECK(disk.calls_of("open_write") == 0);
  CHECK(disk.open_handles() == 0);
}

TEST_CASE("a second holder waits, but not for ever", "[lock]") {
  MemoryFileSystem disk;
  FakeClock clock;
  Result<Lock> first = Lock::take(disk, clock, "/", 2s);
  REQUIRE(first);
  SECTION("in vain") {
    const Result<Lock> second = Lock::take(disk, clock, "/", 2s);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::busy);
    CHECK(Lock::holder(disk, "/") == getpid());
    CHECK(clock.slept() == 2s);
    CHECK(disk.open_handles() == 1);
  }
  SECTION("not at all, if so asked") {
    CHECK_FALSE(Lock::take(disk, clock, "/", 0s));
    CHECK(clock.slept() == 0s);
  }
  SECTION("until the first is done") {
    std::optional<Lock> held(std::move(*first));
    clock.on_sleep = [&] { held.reset(); };
    CHECK(Lock::take(disk, clock, "/", 2s));
    CHECK(clock.slept() < 100ms);
  }
}

TEST_CASE("whoever holds the lock is ended after it", "[lock]") {
  const int number = GENERATE(SIGTERM, SIGINT, SIGHUP);
  MemoryFileSystem disk;
  FakeClock clock;
  signals_taken = 0;
  const auto before = std::signal(number, count_signal);
  {
    const Result<Lock> held = Lock::take(disk, clock, "/", 2s);
    REQUIRE(held);
    CHECK_FALSE(Lock::take(disk, clock, "/", 0s));  // one that was not had changes nothing
    std::raise(number);
    CHECK(signals_taken == 0);
  }
  CHECK(signals_taken == 1);
  std::raise(number);
  CHECK(signals_taken == 2);
  (void)std::signal(number, before);
}

TEST_CASE("a lock that cannot be made is an error", "[lock]") {
  MemoryFileSystem disk;
  FakeClock clock;
  disk.put("/run", "a file");
  CHECK_FALSE(Lock::take(disk, clock, "/", 2s));
}
