// Who else owns this machine's hosts file: images, containers, distributions that render it.

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

#include "config_lines.h"
#include "doctor_examination.h"
#include "path_text.h"
#include "resolver_facts.h"

namespace hostspin {
namespace {

using Severity = Finding::Severity;

/// Where cloud-init's decision comes from: the last that says something wins, and what the
/// instance's user-data says wins over the image's files.
void examine_cloud_init(Examination& exam) {
  if (exam.exists("/etc/cloud/cloud-init.disabled")) return;
  std::vector<std::string> paths = {"/etc/cloud/cloud.cfg"};
  for (const std::string& name : exam.list("/etc/cloud/cloud.cfg.d", ".cfg")) {
    paths.push_back("/etc/cloud/cloud.cfg.d/" + name);
  }
  // Their merger comes last; where it is there, it says what the two before it came to.
  for (const char* name : {"vendor-cloud-config.txt", "user-data.txt", "cloud-config.txt"}) {
    paths.push_back(std::string("/var/lib/cloud/instance/") + name);
  }
  CloudInitHosts decision = CloudInitHosts::unsaid;
  std::string decided_by;
  for (const std::string& path : paths) {
    const CloudInitHosts says = parse_manage_etc_hosts(exam.read(path));
    if (says == CloudInitHosts::unsaid) continue;
    decision = says;
    decided_by = path;
  }
  switch (decision) {
    case CloudInitHosts::unsaid:
    case CloudInitHosts::leave:
      return;
    case CloudInitHosts::localhost:
      return exam.add("cloud_init", Severity::info,
                      "cloud-init keeps a line of its own in the hosts file and re-formats the "
                      "others at every boot (manage_etc_hosts: localhost in " +
                          quoted(decided_by) + ")");
    case CloudInitHosts::rewrite:
      return exam.add(
          "cloud_init", Severity::warning,
          "cloud-init writes the hosts file anew at every boot (manage_etc_hosts in " +
              quoted(decided_by) + "): the block is gone for a moment",
          "set manage_etc_hosts: false there, user-data included; else keep hostspin-guard.path "
          "enabled");
  }
}

std::string os_id(std::string_view os_release) {
  for (const std::string_view line : lines_of(os_release)) {
    if (!line.starts_with("ID=")) continue;
    std::string id(trimmed(line.substr(3)));
    id.erase(std::remove_if(id.begin(), id.end(), [](char c) { return c == '"' || c == '\''; }),
             id.end());
    return id;
  }
  return {};
}

void examine_distribution(Examination& exam) {
  std::string os_release = exam.read("/etc/os-release");
  if (os_release.empty()) os_release = exam.read("/usr/lib/os-release");
  const std::string id = os_id(os_release);
  if (id == "nixos" || exam.exists("/etc/NIXOS")) {
    exam.add("nixos", Severity::critical,
             "NixOS renders the hosts file into its read-only store, and anew at every switch",
             "put the pins into networking.extraHosts, or have it leave /etc/hosts alone");
  }
  if (id == "bottlerocket") {
    exam.add("bottlerocket", Severity::critical,
             "Bottlerocket renders the hosts file from its settings",
             "give the pins to its API as settings.network.hosts");
  }
}

bool is_wsl(const Examination& exam) {
  const std::string& release = exam.live().kernel_release;
  return release.find("icrosoft") != std::string::npos || release.find("WSL") != std::string::npos;
}

/// The name of the container this system runs in, empty for none.
std::string container_kind(Examination& exam) {
  constexpr std::array<std::pair<const char*, const char*>, 2> kMarks = {
      std::pair{"/.dockerenv", "docker"}, std::pair{"/run/.containerenv", "podman"}};
  for (const auto& [path, kind] : kMarks) {
    if (exam.exists(path)) return kind;
  }
  const std::string kind = exam.read("/run/systemd/container");
  return std::string(trimmed(std::string_view(kind).substr(0, kind.find('\n'))));
}

void examine_container(Examination& exam) {
  if (!exam.is_running_system()) return;  // another root's /run is not running
  if (is_wsl(exam)) {
    exam.add("wsl", Severity::warning, "WSL writes the hosts file anew at each start",
             "set generateHosts = false under [network] in /etc/wsl.conf");
    return;
  }
  const std::string kind = container_kind(exam);
  if (kind.empty() || kind == "systemd-nspawn" || kind == "lxc") return;  // whole systems
  exam.add("container", Severity::warning,
           "this is a container (" + quoted(kind) +
               "): its runtime owns the hosts file and makes a "
               "new one with each container",
           "run hostspin on the host; give a container its names by its runtime "
           "(--add-host, hostAliases)");
}

/// Told and no more: nobody can repair it here.
void examine_fips(Examination& exam) {
  if (!exam.is_running_system()) return;
  if (!exam.read("/proc/sys/crypto/fips_enabled").starts_with("1")) return;
  exam.add("fips", Severity::info,
           "this machine is in FIPS mode, and signatures are checked by libsodium (Ed25519), which "
           "is not a validated module; nor is the OpenSSL that portable programs bring along");
}

void add_stale_mount(Examination& exam, const StaleMount& mount) {
  std::string who = "process " + std::to_string(mount.process);
  if (mount.user != 0) who += " of user " + std::to_string(mount.user);
  exam.add("stale_mount", mount.user == 0 ? Severity::warning : Severity::info,
           (mount.user == 0 ? "" : "reported by ") + who + " (" + quoted(mount.command) +
               "): it and its container see a hosts file of before a replacement at " +
               quoted(mount.mount_point),
           "restart the container, and mount the directory instead of the file");
}

}  // namespace

void examine_stale_mounts(Examination& exam) {
  if (!exam.is_running_system()) return;
  exam.look_at("/proc");
  if (!exam.live().stale_mounts && exam.live().user != 0) {
    return exam.note_unread("/proc/*/mountinfo");
  }
  const StaleMounts mounts =
      exam.live().stale_mounts
          ? *exam.live().stale_mounts
          : find_stale_mounts(split_path(exam.input().hosts_path).name,
                              std::chrono::steady_clock::now() + kProcessScanMax);
  std::map<std::uint32_t, std::size_t> by_user;
  for (const StaleMount& mount : mounts.found) {
    if (mount.user == 0 || ++by_user[mount.user] <= kListedMax) add_stale_mount(exam, mount);
  }
  for (const auto& [user, count] : by_user) {
    if (count <= kListedMax) continue;
    exam.add("stale_mount", Severity::info,
             "reported by " + counted(count - kListedMax, "more process", "more processes") +
                 " of user " + std::to_string(user));
  }
  if (!mounts.saw_all) {
    exam.add("not_checked", Severity::info,
             "not every process's mounts could be looked at within " +
                 std::to_string(kProcessScanMax.count()) +
                 " ms: there may be more containers with "
                 "a hosts file of before a replacement");
  }
}

void examine_platform(Examination& exam) {
  examine_cloud_init(exam);
  examine_distribution(exam);
  examine_container(exam);
  examine_fips(exam);
}

}  // namespace hostspin
