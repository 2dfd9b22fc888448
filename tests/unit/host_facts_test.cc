#include "host_facts.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "catch.h"
#include "co_tenants.h"
#include "host_facts_live.h"
#include "memory_file_system.h"
#include "resolver_facts.h"

using namespace hostspin;

namespace {

std::vector<std::string> texts(const std::set<HostName>& names) {
  std::vector<std::string> result;
  for (const HostName& name : names) result.push_back(name.text());
  return result;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a host's own names come with and without domain, lower case", "[host]") {
  MemoryFileSystem disk;
  disk.put("/img/etc/hostname", "# set by the image\n\nWeb1.Example.COM.\n");
  CHECK(texts(own_names(disk, "/img")) == Texts{"web1", "web1.example.com"});

  disk.put("/img/etc/hostname", "web1\n");
  CHECK(texts(own_names(disk, "/img")) == Texts{"web1"});
}

TEST_CASE("the hosts file says nothing about a host's own name", "[host]") {
  MemoryFileSystem disk;
  disk.put("/img/etc/hostname", "web1\n");
  disk.put("/img/etc/hosts",
           "127.0.0.1 localhost web9.example.com\n"
           "127.0.1.1\tweb1.corp.example web1\n"
           "::1 web1.six.example\n");
  CHECK(texts(own_names(disk, "/img")) == Texts{"web1"});
}

TEST_CASE("a host without a name has none, and localhost is no name of its own", "[host]") {
  MemoryFileSystem disk;
  CHECK(own_name(disk, "/img").empty());
  CHECK(own_names(disk, "/img").empty());
  disk.put("/img/etc/hostname", "localhost\n");
  disk.put("/img/etc/hosts", "127.0.0.1 localhost localhost.localdomain\n");
  CHECK(own_name(disk, "/img").empty());
  CHECK(own_names(disk, "/img").empty());
  disk.put("/img/etc/hostname", "bad_name!\n");
  CHECK(own_names(disk, "/img").empty());
}

TEST_CASE("a host's own name is the first line that is no comment, lower case, domain kept",
          "[host]") {
  MemoryFileSystem disk;
  disk.put("/img/etc/hostname", "# set by the image\n\n Web1.Example.COM. \nweb2\n");
  CHECK(own_name(disk, "/img") == "web1.example.com");
  disk.put("/img/etc/hostname", "web1");
  CHECK(own_name(disk, "/img") == "web1");
  disk.put("/img/etc/hostname", "web1\n" + std::string(2 * kHostNameFileBytesMax, '#'));
  CHECK(own_name(disk, "/img") == "web1");
}

namespace {

/// Whether `judge` holds in a process whose kernel says `name`, as a DHCP client may have set it;
/// nothing where this machine allows no UTS namespace.
std::optional<bool> with_kernel_name(const std::string& name, const std::function<bool()>& judge) {
  constexpr int kNoNamespace = 77;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const bool named = unshare(CLONE_NEWUTS) == 0 && sethostname(name.data(), name.size()) == 0;
    _exit(!named ? kNoNamespace : judge() ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kNoNamespace) return std::nullopt;
  return WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("the kernel's name counts only where /etc/hostname gives none", "[host]") {
  struct Case {
    std::optional<std::string> file;
    std::string expected;
  };
  const std::array cases{
      Case{"web1\n", "web1"},
      Case{"# none\nweb1.example.com\n", "web1.example.com"},
      Case{std::nullopt, "db.svc.example.com"},
      Case{"", "db.svc.example.com"},
      Case{"# nothing yet\n\n", "db.svc.example.com"},
      Case{"localhost\n", "db.svc.example.com"},
      Case{"LocalHost.localdomain\n", "db.svc.example.com"},
      Case{"localhost4\n", "db.svc.example.com"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.file.value_or("(missing)"));
    MemoryFileSystem disk;
    if (one.file) disk.put("/etc/hostname", *one.file);
    const std::optional<bool> right =
        with_kernel_name("DB.svc.example.com", [&] { return own_name(disk, "/") == one.expected; });
    if (!right) {
      WARN("skipped: needs a UTS namespace");
      return;
    }
    CHECK(*right);
  }
  MemoryFileSystem disk;
  const std::optional<bool> none =
      with_kernel_name("localhost.localdomain", [&] { return own_name(disk, "/").empty(); });
  CHECK(none.value_or(true));
}

TEST_CASE("another root's name is not the kernel's", "[host]") {
  MemoryFileSystem disk;
  disk.put("/etc/hostname", "elsewhere\n");
  CHECK(own_name(disk, "/img").empty());
  disk.put("/img/etc/hostname", "web1\n");
  CHECK(texts(own_names(disk, "/img")) == Texts{"web1"});
  CHECK(texts(own_names(disk, "/")) == Texts{"elsewhere"});
}

TEST_CASE("a name file that cannot be read gives no name, not the network's", "[host]") {
  MemoryFileSystem disk;
  disk.put("/etc/hostname/inside", "a folder in its place\n");
  const std::optional<bool> none =
      with_kernel_name("db.svc.example.com", [&] { return own_name(disk, "/").empty(); });
  CHECK(none.value_or(true));
}

TEST_CASE("a machine id is 32 hex digits or nothing", "[host]") {
  MemoryFileSystem disk;
  CHECK(machine_id(disk, "/").empty());
  const std::string id = "0123456789abcdef0123456789abcdef";
  disk.put("/etc/machine-id", id + "\n");
  CHECK(machine_id(disk, "/") == id);
  disk.put("/etc/machine-id", "0123456789ABCDEF0123456789abcdef");
  CHECK(machine_id(disk, "/") == id);
  for (const std::string& bad :
       {std::string(), std::string("uninitialized\n"), id + "0\n", id.substr(1) + "\n",
        "g" + id.substr(1) + "\n", std::string(32, '0') + "\n", " " + id + "\n"}) {
    CAPTURE(bad);
    disk.put("/etc/machine-id", bad);
    CHECK(machine_id(disk, "/").empty());
  }
  disk.put("/img/etc/machine-id", id + "\n");
  CHECK(machine_id(disk, "/img") == id);
}

TEST_CASE("nsswitch.conf is read as glibc reads it", "[host]") {
  CHECK_FALSE(parse_switch(""));
  CHECK_FALSE(parse_switch("passwd: files\n#hosts: dns\n"));
  const auto plain = parse_switch("passwd: files\nhosts:\tfiles  DNS # the usual\n");
  REQUIRE(plain);
  REQUIRE(plain->size() == 2);
  CHECK(plain->at(0).name == "files");
  CHECK(plain->at(1).name == "dns");

  const auto actions =
      parse_switch("hosts : mymachines resolve [!UNAVAIL=return] files[SUCCESS=continue]dns\n");
  REQUIRE(actions);
  REQUIRE(actions->size() == 4);
  CHECK(actions->at(1).action == "!unavail=return");
  CHECK(actions->at(2).name == "files");
  CHECK(actions->at(2).action == "success=continue");
  CHECK(actions->at(3).name == "dns");

  for (const char* const odd :
       {"hosts:", "hosts: [", "hosts: ]", "hosts: [NOTFOUND=return", "hosts: [] ["}) {
    CAPTURE(odd);
    CHECK(parse_switch(odd));  // no fault, and no endless loop
  }
}

TEST_CASE("host.conf's multi is the last that is said", "[host]") {
  CHECK_FALSE(says_multi_on(""));
  CHECK_FALSE(says_multi_on("multi off\n"));
  CHECK_FALSE(says_multi_on("#multi on\n"));
  CHECK_FALSE(says_multi_on("multi on\nmulti off\n"));
  CHECK(says_multi_on("order hosts,bind\nmulti on\n"));
  CHECK(says_multi_on("\tMULTI\ton # as Debian has it"));
}

TEST_CASE("ReadEtcHosts counts in its section alone", "[host]") {
  CHECK_FALSE(parse_read_etc_hosts("[Resolve]\n#ReadEtcHosts=no\n;ReadEtcHosts=no\n"));
  CHECK_FALSE(parse_read_etc_hosts("ReadEtcHosts=no\n[Other]\nReadEtcHosts=no\n"));
  CHECK(parse_read_etc_hosts("[Resolve]\nReadEtcHosts=no\n") == false);
  CHECK(parse_read_etc_hosts("[Resolve]\nDNS=192.0.2.1\n ReadEtcHosts = False \n") == false);
  CHECK(parse_read_etc_hosts("[Resolve]\nReadEtcHosts=no\nReadEtcHosts=yes\n") == true);
  CHECK(parse_read_etc_hosts("[Resolve]\nReadEtcHosts=no\nReadEtcHosts=perhaps\n") == false);
  CHECK(parse_read_etc_hosts("[Resolve]\nReadEtcHosts=no\nReadEtcHosts=\n") == true);
}

TEST_CASE("cloud-init's decision is found in a cloud-config", "[host]") {
  CHECK(parse_manage_etc_hosts("#cloud-config\nhostname: a\n") == CloudInitHosts::unsaid);
  CHECK(parse_manage_etc_hosts("manage_etc_hosts: true\n") == CloudInitHosts::rewrite);
  CHECK(parse_manage_etc_hosts("manage_etc_hosts: \"template\" # x\n") == CloudInitHosts::rewrite);
  CHECK(parse_manage_etc_hosts("\"manage_etc_hosts\": True\r\n") == CloudInitHosts::rewrite);
  CHECK(parse_manage_etc_hosts("manage_etc_hosts: localhost\n") == CloudInitHosts::localhost);
  CHECK(parse_manage_etc_hosts("manage_etc_hosts: false\n") == CloudInitHosts::leave);
  CHECK(parse_manage_etc_hosts("# manage_etc_hosts: true\n") == CloudInitHosts::unsaid);
  CHECK(parse_manage_etc_hosts("write_files:\n  manage_etc_hosts: true\n") ==
        CloudInitHosts::unsaid);
  CHECK(parse_manage_etc_hosts("Content-Type: text/cloud-config\n\nmanage_etc_hosts: true\n--==") ==
        CloudInitHosts::rewrite);
}

TEST_CASE("co-tenants are known by what they leave", "[host]") {
  CHECK(find_co_tenants("127.0.0.1 localhost\n").empty());
  CHECK(name_writer("127.0.0.1 localhost\n") == "unknown writer");
  const std::string google =
      "10.0.0.2 web1 # Added by Google\n169.254.169.254 m # Added by Google\n";
  const std::vector<FoundCoTenant> found = find_co_tenants("127.0.0.1 localhost\n" + google);
  REQUIRE(found.size() == 1);
  CHECK(found[0].tenant->name == "the Google guest agent");
  CHECK(found[0].line == 2);
  CHECK_FALSE(found[0].tenant->whole_file);
  // A revert is the work of one that writes the whole file.
  CHECK(name_writer(google + "# Your system has configured 'manage_etc_hosts' as True.\n") ==
        "cloud-init");
  CHECK(name_writer("10.0.0.9 r # openshift-generated-node-resolver\n") ==
        "OpenShift's node resolver");
  CHECK(name_writer("# BEGIN ANSIBLE MANAGED BLOCK\n") == "Ansible");
}

TEST_CASE("mountinfo's escapes are undone, and stale mounts known", "[host]") {
  const std::vector<MountLine> lines = parse_mountinfo(
      "36 35 98:0 /etc/hosts//deleted /etc/hosts rw,noatime - ext4 /dev/root rw\n"
      "37 35 98:0 / /with\\040blank rw - ext4 /dev/sda1 rw\n"
      "38 35 98:0 / /odd\\04 rw - ext4 /dev/sda1 rw\n"
      "broken line\n");
  REQUIRE(lines.size() == 3);
  CHECK(lines[1].mount_point == "/with blank");
  CHECK(lines[2].mount_point == "/odd\\04");
  CHECK(is_stale(lines[0], "hosts"));
  CHECK_FALSE(is_stale(lines[0], "other"));
  CHECK_FALSE(is_stale(lines[1], "hosts"));
  // After an exchange the old file goes under the temporary name.
  CHECK(is_stale({"/etc/hosts.hostspin.tmp//deleted", "/etc/hosts"}, "hosts"));
  // And then it is kept as hosts.prev, until the next one is.
  CHECK(is_stale({"/var/lib/hostspin/hosts.prev", "/etc/hosts"}, "hosts"));
  CHECK(is_stale({"/var/lib/hostspin/hosts.prev//deleted", "/etc/hosts"}, "hosts"));
  CHECK_FALSE(is_stale({"/etc/resolv.conf//deleted", "/etc/resolv.conf"}, "hosts"));
}

TEST_CASE("a container that holds the file of before a replacement is found", "[host]") {
  if (geteuid() != 0) return;  // only root sees other processes' mounts
  std::string directory = (std::filesystem::temp_directory_path() / "hostspin-XXXXXX").string();
  REQUIRE(mkdtemp(directory.data()) != nullptr);
  const std::string hosts = directory + "/hosts";
  const std::string temp = directory + "/hosts.hostspin.tmp";
  const std::string mounted = directory + "/mounted";
  std::ofstream(hosts) << "old\n";
  std::ofstream(temp) << "new\n";
  std::ofstream(mounted) << "";

  // A mount namespace of its own with the file mounted, as a container has it.
  std::array<int, 2> ready = {-1, -1};
  REQUIRE(pipe2(ready.data(), O_CLOEXEC) == 0);
  const pid_t container = fork();
  REQUIRE(container >= 0);
  if (container == 0) {
    const bool done = unshare(CLONE_NEWNS) == 0 &&
                      mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                      mount(hosts.c_str(), mounted.c_str(), nullptr, MS_BIND, nullptr) == 0;
    (void)!write(ready[1], done ? "y" : "n", 1);
    for (;;) pause();
  }
  char answer = 0;
  REQUIRE(read(ready[0], &answer, 1) == 1);
  const auto look = [] {
    return find_stale_mounts("hosts", std::chrono::steady_clock::now() + std::chrono::seconds(20));
  };
  const StaleMounts before = look();
  const int exchanged = renameat2(AT_FDCWD, temp.c_str(), AT_FDCWD, hosts.c_str(), RENAME_EXCHANGE);
  const int unlinked = unlink(temp.c_str());
  const StaleMounts after = look();
  const StaleMounts too_late = find_stale_mounts("hosts", std::chrono::steady_clock::now());
  (void)kill(container, SIGKILL);
  REQUIRE(waitpid(container, nullptr, 0) == container);
  close(ready[0]);
  close(ready[1]);
  std::filesystem::remove_all(directory);

  if (answer != 'y') return;  // no mount namespaces to be had here
  REQUIRE(exchanged == 0);
  REQUIRE(unlinked == 0);
  const auto is_ours = [&](const StaleMount& mount) { return mount.process == container; };
  CHECK(std::none_of(before.found.begin(), before.found.end(), is_ours));
  const auto found = std::find_if(after.found.begin(), after.found.end(), is_ours);
  REQUIRE(found != after.found.end());
  CHECK(found->mount_point == mounted);
  CHECK_FALSE(found->command.empty());
  CHECK(found->user == 0);
  CHECK(after.saw_all);
  CHECK(too_late.found.empty());
  CHECK_FALSE(too_late.saw_all);
}

TEST_CASE("the kernel tells of a file what it is asked for", "[host]") {
  const LiveFacts facts = read_live_facts("/", "/proc/self/status");
  CHECK_FALSE(facts.kernel_release.empty());
  CHECK(facts.user == geteuid());
  CHECK_FALSE(facts.mount_point);
  CHECK(read_live_facts("/", "/proc").mount_point);
}
