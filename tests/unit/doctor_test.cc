#include "doctor.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "catch.h"
#include "doctor_machine.h"

using namespace hostspin;
using Severity = Finding::Severity;

namespace {

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

TEST_CASE("a source with the instance's credentials needs a drop-in of the unit", "[doctor]") {
  Machine machine;
  const std::string unit = "hostspin-net@.service";
  CHECK(of(machine.examine(), "metadata_service").empty());
  machine.input.needs_instance_credentials = true;
  CHECK(of(machine.examine(), "metadata_service").empty());  // no unit that could keep it out

  machine.disk.put("/usr/lib/systemd/system/" + unit, "[Service]\n");
  const std::vector<Finding> findings = machine.examine();
  CHECK(worst(findings, "metadata_service") == Severity::warning);
  const auto found = std::find_if(findings.begin(), findings.end(), [](const Finding& one) {
    return one.code == "metadata_service";
  });
  REQUIRE(found != findings.end());
  const std::string folder = "/etc/systemd/system/" + unit + ".d/";
  CHECK_THAT(found->remedy, Catch::Contains("'[Service]' and 'IPAddressAllow=169.254.169.254'"));
  CHECK_THAT(found->remedy, Catch::Contains(folder + "metadata.conf"));

  machine.disk.put(folder + "other.conf", "[Service]\nIPAddressAllow=192.0.2.1\n");
  CHECK(worst(machine.examine(), "metadata_service") == Severity::warning);
  machine.disk.put(folder + "metadata.conf", "[Service]\nIPAddressAllow=169.254.169.254\n");
  CHECK(worst(machine.examine(), "metadata_service") == Severity::ok);
}

TEST_CASE("what could not be seen is said", "[doctor]") {
  Machine machine;
  SECTION("in time") { machine.input.live->stale_mounts->saw_all = false; }
  SECTION("without the right to") {
    machine.input.live->stale_mounts.reset();
    machine.input.live->user = 1000;
  }
  CHECK_THAT(of(machine.examine(), "not_checked").at(0),
             Catch::Contains("mountinfo") || Catch::Contains("1000 ms"));
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

TEST_CASE("what an unprivileged user's processes show is marked, counted and no alarm",
          "[doctor][attack]") {
  Machine machine;
  std::vector<StaleMount>& found = machine.input.live->stale_mounts->found;
  found.push_back({4711, "dns-resolver", "/etc/hosts", 3, 0});
  for (int i = 0; i < 40; ++i) {
    found.push_back({5000 + i, "x\x1b[2J\ncritical block: gone", "/a\nb\x07", 1, 1000});
  }
  const std::vector<Finding> findings = machine.examine();
  const Texts said = of(findings, "stale_mount");
  CHECK(troubles(findings) == Texts{"stale_mount"});  // root's own, alone
  REQUIRE(said.size() == 1 + 5 + 1);
  CHECK_THAT(said[0], Catch::StartsWith("warning: process 4711 ('dns-resolver')"));
  CHECK_THAT(said[1], Catch::StartsWith("info: reported by process 5000 of user 1000 ('x\\x1b[2J"));
  CHECK_THAT(said.back(), Catch::Contains("35 more processes of user 1000"));
  for (const std::string& one : said) {
    CHECK(std::none_of(one.begin(), one.end(), [](char c) { return c < 0x20 || c > 0x7e; }));
  }
}

TEST_CASE("many files in a directory are not all read, which is said", "[doctor][attack]") {
  Machine machine;
  for (int i = 0; i < 1000; ++i) {
    machine.disk.put("/etc/systemd/resolved.conf.d/" + std::to_string(i) + ".conf", "");
  }
  const std::vector<Finding> findings = machine.examine();
  CHECK_THAT(of(findings, "not_checked").at(0),
             Catch::Contains("'/etc/systemd/resolved.conf.d' has 1000 files; the first 256"));
  CHECK(machine.disk.calls_of("open_read") < 300);
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
