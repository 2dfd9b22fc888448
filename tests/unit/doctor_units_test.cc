#include "catch.h"
#include "doctor_machine.h"

using namespace hostspin;

namespace {

/// With systemd and the package, whose units are enabled and active.
struct Systemd : Machine {
  Systemd() {
    disk.put("/run/systemd/system/.keep", "");
    disk.put("/usr/lib/systemd/system/hostspin-net@.service", "[Service]\n");
    disk.put("/etc/passwd",
             "root:x:0:0::/root:/bin/sh\n_hostspin:x:997:997::/:/usr/sbin/nologin\n");
    enable("sysinit.target", "hostspin-guard.path");
    enable("sockets.target", "hostspin-net.socket");
    enable("sockets.target", "hostspin-ask.socket");
    enable("multi-user.target", "hostspin.service");
    for (const char* unit : {"hostspin-guard.path", "hostspin-guard.timer", "hostspin-net.socket",
                             "hostspin-ask.socket", "hostspin.service"}) {
      start(unit);
    }
  }
  void enable(const std::string& target, const std::string& unit) {
    disk.put("/etc/systemd/system/" + target + ".wants/" + unit, "");
  }
  void start(const std::string& unit) { disk.put("/run/systemd/units/invocation:" + unit, ""); }
  void stop(const std::string& unit) { disk.remove("/run/systemd/units/invocation:" + unit); }
};

}  // namespace

TEST_CASE("units that are enabled and active are fine", "[doctor]") {
  Systemd machine;
  CHECK(troubles(machine.examine()).empty());
  CHECK(worst(machine.examine(), "units") == Severity::ok);
}

TEST_CASE("an enabled unit that does not run is found, with what that costs", "[doctor]") {
  const std::string unit =
      GENERATE("hostspin-guard.path", "hostspin-guard.timer", "hostspin-net.socket",
               "hostspin-ask.socket", "hostspin.service");
  CAPTURE(unit);
  Systemd machine;
  machine.stop(unit);
  const std::vector<std::string> found = of(machine.examine(), "unit_inactive");
  REQUIRE(found.size() == 1);
  CHECK(found.front().starts_with("warning: " + unit + " is enabled and not active"));
  CHECK(of(machine.examine(), "units").empty());
}

TEST_CASE("the timer stands in for the agent, and the agent for the timer", "[doctor]") {
  Systemd machine;
  machine.stop("hostspin.service");
  machine.start("hostspin-refresh.timer");
  CHECK(troubles(machine.examine()).empty());
  machine.enable("timers.target", "hostspin-refresh.timer");
  machine.stop("hostspin-refresh.timer");
  machine.start("hostspin.service");
  CHECK(troubles(machine.examine()).empty());
  machine.stop("hostspin.service");
  CHECK(of(machine.examine(), "unit_inactive").size() == 2);
}

TEST_CASE("a unit that nobody enabled may rest, and the agent without a trust root", "[doctor]") {
  Systemd machine;
  machine.stop("hostspin.service");
  SECTION("not enabled") {
    machine.disk.remove("/etc/systemd/system/multi-user.target.wants/hostspin.service");
    CHECK(troubles(machine.examine()).empty());
  }
  SECTION("no trust root") {
    machine.input.trust_root = Error{Errc::no_trust_root, "there is no trust root"};
    CHECK(of(machine.examine(), "unit_inactive").empty());
  }
}

TEST_CASE("a masked unit is found", "[doctor]") {
  Systemd machine;
  machine.stop("hostspin-guard.path");
  machine.stop("hostspin-guard.timer");
  machine.disk.put_link("/etc/systemd/system/hostspin-guard.path", "/dev/null");
  const std::vector<std::string> found = of(machine.examine(), "unit_masked");
  REQUIRE(found.size() == 1);
  CHECK(found.front().starts_with("warning: hostspin-guard.path is masked: "));
  CHECK(of(machine.examine(), "unit_inactive").empty());
}

TEST_CASE("a masked unit that only others start is found, wherever the mask stands", "[doctor]") {
  const std::string unit =
      GENERATE("hostspin-apply.service", "hostspin-refresh.service", "hostspin-net@.service",
               "hostspin-ask@.service");
  const std::string where = GENERATE("/etc/systemd/system/", "/run/systemd/system/");
  CAPTURE(unit, where);
  Systemd machine;
  machine.disk.put_link(where + unit, "/dev/null");
  const std::vector<std::string> found = of(machine.examine(), "unit_masked");
  REQUIRE(found.size() == 1);
  CHECK(found.front().starts_with("warning: " + unit + " is masked: "));
  CHECK(of(machine.examine(), "units").empty());
}

TEST_CASE("the workers' missing user is found, with its remedy", "[doctor]") {
  Systemd machine;
  machine.disk.put("/etc/passwd", "root:x:0:0::/root:/bin/sh\n#_hostspin:x:1:1::/:/bin/false\n");
  const std::vector<Finding> findings = machine.examine();
  CHECK(worst(findings, "worker_user") == Severity::critical);
  for (const Finding& one : findings) {
    if (one.code == "worker_user") CHECK(one.remedy == "run 'systemd-sysusers hostspin.conf'");
  }
  machine.disk.put("/usr/lib/passwd", "_hostspin:x:997:997::/:/usr/sbin/nologin\n");
  CHECK(of(machine.examine(), "worker_user").empty());
}

TEST_CASE("units are no business of another root, nor of a machine without systemd", "[doctor]") {
  Systemd machine;
  machine.stop("hostspin-guard.path");
  machine.input.root = "/image";
  CHECK(of(machine.examine(), "unit_inactive").empty());

  Machine without;
  without.disk.put("/etc/systemd/system/sysinit.target.wants/hostspin-guard.path", "");
  CHECK(of(without.examine(), "unit_inactive").empty());
}
