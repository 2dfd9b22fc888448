#include "doctor.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "hostspin/version.h"
#include "memory_file_system.h"

using namespace hostspin;
using Severity = Finding::Severity;

namespace {

Pin pin(const std::string& address, const std::string& name) {
  return {*IPAddress::parse(address), *HostName::parse(name)};
}

/// A Debian machine on which nothing is wrong.
struct Machine {
  MemoryFileSystem disk;
  DoctorInput input;

  Machine() {
    disk.put("/etc/hosts", "127.0.0.1 localhost\n");
    disk.put("/etc/nsswitch.conf", "hosts: files dns\n");
    disk.put("/etc/host.conf", "multi on\n");
    disk.put("/etc/os-release", "ID=debian\n");
    input.pins = {pin("10.1.2.3", "db.example.com"), pin("2001:db8::3", "db.example.com")};
    input.now = std::chrono::sys_seconds{std::chrono::seconds(kBuildTime + 1)};
    input.live = LiveFacts{};
    input.live->saw_all_processes = true;
  }

  std::vector<Finding> examine() { return examine_machine(disk, input); }
};

/// The findings of one code, as "severity: what".
std::vector<std::string> of(const std::vector<Finding>& findings, const std::string& code) {
  std::vector<std::string> found;
  for (const Finding& one : findings) {
    if (one.code == code)
      found.push_back(std::string(severity_name(one.severity)) + ": " + one.what);
  }
  return found;
}

std::optional<Severity> worst(const std::vector<Finding>& findings, const std::string& code) {
  std::optional<Severity> severity;
  for (const Finding& one : findings) {
    if (one.code == code) severity = std::max(severity.value_or(Severity::ok), one.severity);
  }
  return severity;
}

/// Codes of everything that is more than information.
std::vector<std::string> troubles(const std::vector<Finding>& findings) {
  std::vector<std::string> codes;
  for (const Finding& one : findings) {
    if (one.severity >= Severity::warning) codes.push_back(one.code);
  }
  return codes;
}

using Texts = std::vector<std::string>;

/// A worker that ends a session as soon as it has begun, or cannot be started.
class EmptyWorker : public Worker {
 public:
  explicit EmptyWorker(bool works) : works_(works) {}
  Result<std::unique_ptr<NetSession>> start_net(const SessionStart&) override {
    if (!works_) return Error{Errc::worker_failed, "hostspin-net stopped"};
    return std::make_unique<Net>();
  }
  Result<std::unique_ptr<AskSession>> start_ask(std::chrono::milliseconds) override {
    return std::make_unique<Ask>();
  }

 private:
  struct Net : NetSession {
    Result<void> ask(const FetchRequest&) override { return {}; }
    Result<void> ask(const ProbeRequest&) override { return {}; }
    Result<void> finish() override { return {}; }
    Result<NetResult> next(std::chrono::steady_clock::time_point) override {
      NetResult result;
      if (notice) {
        result.notice = WorkerNotice{"no Landlock"};
      } else {
        result.end = true;
      }
      notice = false;
      return result;
    }
    bool notice = true;
  };
  struct Ask : AskSession {
    Result<void> ask(const AskRequest&) override { return {}; }
    Result<void> finish() override { return {}; }
    Result<AskOutput> next(std::chrono::steady_clock::time_point) override {
      AskOutput output;
      output.end = true;
      return output;
    }
  };
  bool works_;
};

}  // namespace

TEST_CASE("a machine on which nothing is wrong has no finding but good ones", "[doctor]") {
  Machine machine;
  const std::vector<Finding> findings = machine.examine();
  REQUIRE_FALSE(findings.empty());
  for (const Finding& one : findings) {
    CAPTURE(one.code, one.what);
    CHECK(one.severity == Severity::ok);
    CHECK(one.remedy.empty());
  }
  for (const char* const code :
       {"trust_root", "hosts_file", "nsswitch_order", "host_conf_multi", "clock"}) {
    CAPTURE(code);
    CHECK(worst(findings, code) == Severity::ok);
  }
}

TEST_CASE("the order of nsswitch.conf is judged by who can answer before the file", "[doctor]") {
  struct Case {
    std::string line;
    std::optional<Severity> order;
    std::optional<Severity> resolve_first;
  };
  const Case one = GENERATE(values<Case>({
      {"files dns", Severity::ok, {}},
      {"files mdns4_minimal [NOTFOUND=return] dns", Severity::ok, {}},
      {"myhostname files dns", {}, {}},
      {"mdns4_minimal [NOTFOUND=return] files dns", {}, {}},
      {"mymachines resolve [!UNAVAIL=return] files myhostname dns", {}, Severity::info},
      {"dns files", Severity::critical, {}},
      {"mdns4 files dns", Severity::warning, {}},
      {"sss files dns", Severity::warning, {}},
      {"resolve dns", Severity::warning, Severity::info},
      {"dns", Severity::critical, {}},
      {"", Severity::critical, {}},
      {"files [SUCCESS=continue] dns", Severity::critical, {}},
  }));
  CAPTURE(one.line);
  Machine machine;
  machine.disk.put("/etc/nsswitch.conf", "hosts: " + one.line + "\n");
  const std::vector<Finding> findings = machine.examine();
  CHECK(worst(findings, "nsswitch_order") == one.order);
  CHECK(worst(findings, "nsswitch_resolve_first") == one.resolve_first);
}

TEST_CASE("a .local pin makes multicast DNS before the file matter", "[doctor]") {
  Machine machine;
  machine.disk.put("/etc/nsswitch.conf", "hosts: mdns4_minimal [NOTFOUND=return] files dns\n");
  CHECK_FALSE(worst(machine.examine(), "nsswitch_order"));
  machine.input.pins.push_back(pin("10.1.2.4", "printer.local"));
  machine.input.pins.push_back(pin("2001:db8::4", "printer.local"));
  CHECK(worst(machine.examine(), "nsswitch_order") == Severity::warning);
}

TEST_CASE("no hosts line is the C library's default, which another root's may not share",
          "[doctor]") {
  Machine machine;
  machine.disk.remove("/etc/nsswitch.conf");
  CHECK(worst(machine.examine(), "nsswitch_order") == Severity::info);
  machine.disk.put("/img/etc/hosts", "127.0.0.1 localhost\n");
  machine.input.root = "/img";
  CHECK(worst(machine.examine(), "nsswitch_order") == Severity::warning);
}

TEST_CASE("ReadEtcHosts=no is worst where resolved is asked first", "[doctor]") {
  Machine machine;
  machine.disk.put("/etc/systemd/resolved.conf", "[Resolve]\nReadEtcHosts=no\n");
  CHECK(worst(machine.examine(), "resolved_ignores_hosts") == Severity::warning);
  machine.disk.put("/etc/nsswitch.conf", "hosts: resolve [!UNAVAIL=return] files dns\n");
  CHECK(worst(machine.examine(), "resolved_ignores_hosts") == Severity::critical);

  // A drop-in decides, and one in /etc hides the vendor's of the same name.
  machine.disk.put("/etc/systemd/resolved.conf.d/50-hosts.conf", "[Resolve]\nReadEtcHosts=yes\n");
  machine.disk.put("/usr/lib/systemd/resolved.conf.d/50-hosts.conf",
                   "[Resolve]\nReadEtcHosts=no\n");
  CHECK_FALSE(worst(machine.examine(), "resolved_ignores_hosts"));
  machine.disk.put("/run/systemd/resolved.conf.d/60-x.conf", "[Resolve]\nReadEtcHosts=no\n");
  CHECK(worst(machine.examine(), "resolved_ignores_hosts") == Severity::critical);
}

TEST_CASE("without 'multi on' names with several lines are named", "[doctor]") {
  Machine machine;
  machine.disk.remove("/etc/host.conf");
  const std::vector<Finding> findings = machine.examine();
  CHECK(of(findings, "host_conf_multi") ==
        Texts{"warning: glibc gives only the first line of 1 name with several addresses "
              "(db.example.com): /etc/host.conf lacks 'multi on'"});
  machine.input.pins.pop_back();
  CHECK(worst(machine.examine(), "host_conf_multi") == Severity::ok);
}

TEST_CASE("a name pinned in one family is information", "[doctor]") {
  Machine machine;
  machine.input.pins.pop_back();
  CHECK(worst(machine.examine(), "one_family") == Severity::info);
}

TEST_CASE("cloud-init's last word is the instance's", "[doctor]") {
  Machine machine;
  machine.disk.put("/etc/cloud/cloud.cfg", "manage_etc_hosts: true\n");
  CHECK(worst(machine.examine(), "cloud_init") == Severity::warning);
  machine.disk.put("/etc/cloud/cloud.cfg.d/99-off.cfg", "manage_etc_hosts: false\n");
  CHECK_FALSE(worst(machine.examine(), "cloud_init"));
  machine.disk.put("/var/lib/cloud/instance/user-data.txt",
                   "#cloud-config\nmanage_etc_hosts: true\n");
  CHECK_THAT(of(machine.examine(), "cloud_init").at(0),
             Catch::StartsWith("warning: ") && Catch::Contains("user-data.txt"));
  machine.disk.put("/var/lib/cloud/instance/cloud-config.txt", "manage_etc_hosts: localhost\n");
  CHECK(worst(machine.examine(), "cloud_init") == Severity::info);
  machine.disk.put("/etc/cloud/cloud-init.disabled", "");
  CHECK_FALSE(worst(machine.examine(), "cloud_init"));
}

TEST_CASE("other owners of the hosts file are named", "[doctor]") {
  Machine machine;
  SECTION("NixOS") {
    machine.disk.put("/etc/NIXOS", "");
    CHECK(worst(machine.examine(), "nixos") == Severity::critical);
  }
  SECTION("Bottlerocket") {
    machine.disk.put("/etc/os-release", "NAME=x\nID=\"bottlerocket\"\n");
    CHECK(worst(machine.examine(), "bottlerocket") == Severity::critical);
  }
  SECTION("WSL") {
    machine.input.live->kernel_release = "5.15.133.1-microsoft-standard-WSL2";
    CHECK(worst(machine.examine(), "wsl") == Severity::warning);
  }
  SECTION("Docker") {
    machine.disk.put("/.dockerenv", "");
    CHECK(worst(machine.examine(), "container") == Severity::warning);
    machine.disk.put("/img/etc/hosts", "127.0.0.1 localhost\n");
    machine.disk.put("/img/.dockerenv", "");
    machine.input.root = "/img";
    CHECK_FALSE(worst(machine.examine(), "container"));
  }
  SECTION("a container with a system of its own") {
    machine.disk.put("/run/systemd/container", "lxc\n");
    CHECK_FALSE(worst(machine.examine(), "container"));
  }
  SECTION("nscd") {
    machine.disk.put("/run/nscd/socket", "");
    CHECK(worst(machine.examine(), "nscd") == Severity::info);
  }
  SECTION("marks in the file") {
    machine.disk.put("/etc/hosts",
                     "127.0.0.1 localhost\n10.0.0.2 w # Added by Google\n"
                     "# HEADER: This file was autogenerated at 2026\n");
    const Texts found = of(machine.examine(), "other_writer");
    REQUIRE(found.size() == 2);
    CHECK_THAT(found[0], Catch::StartsWith("warning: Puppet") && Catch::Contains("line 3"));
    CHECK_THAT(found[1], Catch::StartsWith("info: the Google guest agent"));
  }
}

TEST_CASE("containers that hold the file of before are named with their process", "[doctor]") {
  Machine machine;
  machine.input.live->stale_mounts = {{4711, "dns-resolver", "/etc/hosts", 3}};
  const Texts found = of(machine.examine(), "stale_mount");
  REQUIRE(found.size() == 1);
  CHECK_THAT(found[0], Catch::Contains("process 4711 ('dns-resolver')"));
}

TEST_CASE("what could not be seen is said", "[doctor]") {
  Machine machine;
  machine.input.live->saw_all_processes = false;
  CHECK_THAT(of(machine.examine(), "not_checked").at(0), Catch::Contains("mountinfo"));
}

TEST_CASE("the file's own state is judged", "[doctor]") {
  Machine machine;
  const auto only = [&](const std::string& code, Severity severity) {
    const std::vector<Finding> findings = machine.examine();
    CHECK(troubles(findings) == Texts{code});
    CHECK(worst(findings, code) == severity);
    CHECK_FALSE(worst(findings, "hosts_file"));
    CHECK_FALSE(findings.front().remedy.empty());  // the worst comes first, with its remedy
  };
  SECTION("missing") {
    machine.disk.remove("/etc/hosts");
    only("hosts_missing", Severity::warning);
  }
  SECTION("unreadable for others") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n", 0600);
    only("hosts_mode", Severity::critical);
  }
  SECTION("writable by others") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n", 0666);
    only("hosts_mode", Severity::critical);
  }
  SECTION("writable by its group") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n", 0664);
    only("hosts_mode", Severity::warning);
  }
  SECTION("somebody else's") {
    machine.disk.set_owner("/etc/hosts", 1000, 1000);
    only("foreign_owner", Severity::warning);
  }
  SECTION("with another name") {
    machine.disk.add_link("/etc/hosts", "/etc/hosts.bak");
    only("hosts_hard_links", Severity::warning);
  }
  SECTION("immutable") {
    machine.disk.set_flags("/etc/hosts", 0x10);
    only("immutable", Severity::critical);
  }
  SECTION("in an immutable directory") {
    machine.disk.set_flags("/etc", 0x10);
    only("immutable", Severity::critical);
  }
  SECTION("on a read-only file system") {
    machine.input.live->read_only = true;
    only("read_only", Severity::critical);
  }
  SECTION("a mount point") {
    machine.disk.set_mount_point("/etc/hosts");
    only("bind_mount", Severity::critical);
  }
  SECTION("a mount point, as an old kernel tells it") {
    machine.disk.has_mount_query = false;
    machine.input.live->mount_point = true;
    only("bind_mount", Severity::critical);
  }
  SECTION("an interrupted replacement") {
    machine.disk.put("/etc/hosts.hostspin.tmp", "");
    only("left_over_temp", Severity::warning);
  }
  SECTION("damaged markers") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n# BEGIN hostspin\n");
    only("damaged_markers", Severity::critical);
  }
  SECTION("emptied") {
    machine.disk.put("/etc/hosts", "");
    only("no_localhost", Severity::warning);
  }
  SECTION("a line that musl cuts") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n#" + std::string(511, 'x') + "\n");
    only("hosts_long_lines", Severity::warning);
  }
  SECTION("a line that blinds Go") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n#" + std::string(70000, 'x') + "\n");
    only("hosts_long_lines", Severity::critical);
  }
  SECTION("a large file") {
    std::string bytes = "127.0.0.1 localhost\n";
    while (bytes.size() <= 1U << 20U) bytes += "0.0.0.0 ads.example.net\n";
    machine.disk.put("/etc/hosts", bytes);
    only("hosts_large", Severity::warning);
  }
  SECTION("a line with one of our names") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n10.9.9.9 DB.example.com\n");
    only("conflict", Severity::warning);
  }
}

TEST_CASE("what is harmless about the file is no trouble", "[doctor]") {
  Machine machine;
  SECTION("a mount point that is written in place") {
    machine.disk.set_mount_point("/etc/hosts");
    machine.input.write = WriteMode::in_place;
    CHECK(worst(machine.examine(), "bind_mount") == Severity::info);
  }
  SECTION("a symbolic link") {
    machine.disk.put("/data/hosts", "127.0.0.1 localhost\n");
    machine.disk.remove("/etc/hosts");
    machine.disk.put_link("/etc/hosts", "/data/hosts");
    CHECK(of(machine.examine(), "hosts_symlink") ==
          Texts{"info: '/etc/hosts' is a symbolic link; what is replaced is '/data/hosts'"});
  }
  SECTION("a foreign line with a pinned address") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n10.1.2.3 db.example.com\n");
    CHECK(worst(machine.examine(), "conflict") == Severity::info);
  }
  SECTION("a line of 511 bytes") {
    machine.disk.put("/etc/hosts", "127.0.0.1 localhost\n#" + std::string(509, 'x') + "\n");
    CHECK_FALSE(worst(machine.examine(), "hosts_long_lines"));
  }
  SECTION("kept foreign lines") {
    machine.disk.put("/var/lib/hostspin/hosts.left-1", "10.0.0.1 x\n");
    CHECK(worst(machine.examine(), "left_lines") == Severity::info);
  }
  SECTION("one's own file below a root of one's own") {
    machine.disk.put("/img/etc/hosts", "127.0.0.1 localhost\n");
    machine.disk.put("/img/etc/nsswitch.conf", "hosts: files dns\n");
    machine.disk.put("/img/etc/host.conf", "multi on\n");
    machine.disk.set_owner("/img/etc/hosts", 1000, 1000);
    machine.input.root = "/img";
    machine.input.live->user = 1000;
    CHECK_FALSE(worst(machine.examine(), "foreign_owner"));
  }
  CHECK(troubles(machine.examine()).empty());
}

TEST_CASE("trust, manifest and clock are told as they were found", "[doctor]") {
  Machine machine;
  machine.input.trust_root = Error{Errc::no_trust_root, "no trust root is installed"};
  machine.input.manifest = Error{Errc::expired, "the manifest has expired"};
  machine.input.now = std::chrono::sys_seconds{std::chrono::seconds(kBuildTime - 1)};
  const std::vector<Finding> findings = machine.examine();
  CHECK(troubles(findings) == Texts{"trust_root", "manifest", "clock"});
  CHECK(findings.front().remedy == default_hint(Errc::no_trust_root));
}

TEST_CASE("hostile text in a file reaches no message unescaped", "[doctor]") {
  Machine machine;
  machine.disk.put("/etc/nsswitch.conf", "hosts: \x1b[31mevil files dns\n");
  machine.disk.put("/run/systemd/container", "\x1b]0;x\x07\n");
  for (const Finding& one : machine.examine()) {
    CHECK(one.what.find('\x1b') == std::string::npos);
    CHECK(one.remedy.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("workers are tried with a session of nothing", "[doctor]") {
  EmptyWorker good(true);
  const std::vector<Finding> fine = examine_workers(good);
  REQUIRE(fine.size() == 2);
  CHECK(troubles(fine).empty());
  EmptyWorker bad(false);
  const std::vector<Finding> broken = examine_workers(bad);
  REQUIRE(broken.size() == 2);
  CHECK(broken[0].severity == Severity::critical);
  CHECK(broken[0].what == "hostspin-net stopped");
  CHECK(broken[1].severity == Severity::ok);
}
