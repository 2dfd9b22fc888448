#include "catch.h"
#include "doctor_machine.h"

using namespace hostspin;

namespace {

struct Systemd : Machine {
  explicit Systemd(const std::string& library) {
    disk.put("/run/systemd/system/.keep", "");
    disk.put(library, "");
  }
};

}  // namespace

TEST_CASE("a systemd that knows all that the units ask for is fine", "[doctor]") {
  const std::string library = GENERATE("/usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so",
                                       "/usr/lib/systemd/libsystemd-shared-252-32.el9_4.so",
                                       "/lib/systemd/libsystemd-shared-250.so");
  Systemd machine(library);
  CHECK(worst(machine.examine(), "systemd") == Severity::ok);
}

TEST_CASE("what an older systemd ignores of the units is told", "[doctor]") {
  Systemd machine("/usr/lib/systemd/libsystemd-shared-245.so");
  const Texts found = of(machine.examine(), "systemd");
  REQUIRE(found.size() == 1);
  CHECK_THAT(found.front(),
             Catch::StartsWith("info: systemd 245 ignores what it does not know of the units: "
                               "FixedRandomDelay= (since 247), "));
  CHECK_THAT(found.front(), Catch::Contains("ProtectProc= (since 247)"));
  CHECK_THAT(found.front(), !Catch::Contains("ProtectClock"));
}

TEST_CASE("a systemd whose version is not told is not judged", "[doctor]") {
  Systemd machine(
      GENERATE("/usr/lib/systemd/libsystemd-shared-.so", "/usr/lib/systemd/other-1.so"));
  CHECK(of(machine.examine(), "systemd").empty());
}

TEST_CASE("version 1 of control groups, where no address is filtered, is told", "[doctor]") {
  Systemd machine("/usr/lib/systemd/libsystemd-shared-239.so");
  SECTION("alone") {
    machine.disk.put("/sys/fs/cgroup/systemd/cgroup.procs", "");
    CHECK(worst(machine.examine(), "address_filter") == Severity::info);
  }
  SECTION("beside version 2") {
    machine.disk.put("/sys/fs/cgroup/systemd/cgroup.procs", "");
    machine.disk.put("/sys/fs/cgroup/unified/cgroup.controllers", "");
    CHECK(of(machine.examine(), "address_filter").empty());
  }
  SECTION("version 2") {
    machine.disk.put("/sys/fs/cgroup/cgroup.controllers", "");
    CHECK(of(machine.examine(), "address_filter").empty());
  }
}

TEST_CASE("a machine in FIPS mode is told what is not validated", "[doctor]") {
  Machine machine;
  const std::string value = GENERATE("1\n", "0\n");
  machine.disk.put("/proc/sys/crypto/fips_enabled", value);
  CHECK(of(machine.examine(), "fips").size() == (value == "1\n" ? 1U : 0U));
}

TEST_CASE("another root's systemd and kernel are not judged by this machine's", "[doctor]") {
  Systemd machine("/mnt/usr/lib/systemd/libsystemd-shared-239.so");
  machine.disk.put("/mnt/run/systemd/system/.keep", "");
  machine.disk.put("/mnt/usr/lib/systemd/libsystemd-shared-239.so", "");
  machine.disk.put("/mnt/sys/fs/cgroup/systemd/cgroup.procs", "");
  machine.disk.put("/mnt/proc/sys/crypto/fips_enabled", "1\n");
  machine.input.root = "/mnt";
  for (const char* code : {"systemd", "address_filter", "fips"}) {
    CHECK(of(machine.examine(), code).empty());
  }
}
