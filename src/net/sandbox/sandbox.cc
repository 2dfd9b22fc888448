#include "sandbox.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iterator>

#include "landlock.h"
#include "syscall_filter.h"
#include "worker_identity.h"

namespace hostspin {
namespace {

constexpr unsigned kFirstInherited = 3;  // 0, 1 and 2 are the stream and standard error
constexpr int kForeignFdMax = 65536;     // where close_range() is missing (before Linux 5.9)
// hostspin-ask, whose NSS modules are not ours: sockets for 32 questions, seconds of work, memory.
constexpr rlim_t kAskFilesMax = 256;
constexpr rlim_t kAskCpuSecondsMax = 60;
constexpr rlim_t kAskAddressBytesMax = rlim_t{1} << 30U;

bool is_root() { return ::geteuid() == 0 || ::getuid() == 0; }

bool drop_root(const Identity& identity) {
  const auto [user, group] = identity;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(group, group, group) == 0 &&
         ::setresuid(user, user, user) == 0;
}

bool drop_capabilities() {
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // absent before 4.3
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capset, &header, sets) == 0) return true;
  // A unit's filter may forbid the call, and leave nothing to drop.
  const bool known = ::syscall(SYS_capget, &header, sets) == 0;
  return known && std::all_of(std::begin(sets), std::end(sets), [](const auto& set) {
           return set.effective == 0 && set.permitted == 0 && set.inheritable == 0;
         });
}

void close_inherited() {
  if (::syscall(SYS_close_range, kFirstInherited, ~0U, 0U) == 0) return;
  for (int fd = kFirstInherited; fd < kForeignFdMax; ++fd) (void)::close(fd);
}

bool set_limit(decltype(RLIMIT_CORE) resource, rlim_t value) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return false;
  limit.rlim_max = std::min(limit.rlim_max, value);  // a lower one of the caller's stands
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(resource, &limit) == 0;
}

// A sanitizer's run-time library reads /proc, traces its own process and reserves terabytes.
constexpr bool sanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
  return true;
#else
  return false;
#endif
#else
  return false;
#endif
}

bool set_limits(Program program) {
  const bool nothing_written = set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_FSIZE, 0);
  if (program == Program::ask) {
    return nothing_written && set_limit(RLIMIT_NOFILE, kAskFilesMax) &&
           set_limit(RLIMIT_CPU, kAskCpuSecondsMax) &&
           (sanitized() || set_limit(RLIMIT_AS, kAskAddressBytesMax));
  }
  // As many sockets as the administrator grants: the soft limit is for programs with select(2).
  return nothing_written && set_limit(RLIMIT_NOFILE, RLIM_INFINITY) &&
         (sanitized() || set_limit(RLIMIT_NPROC, 0));
}

// systemd tells a process that it started itself so; a child of one has another PID.
bool is_unit() {
  const char* const process = std::getenv("SYSTEMD_EXEC_PID");
  return process != nullptr && process == std::to_string(::getpid());
}

std::vector<std::string> told_of_surroundings(bool unit, Program program) {
  std::vector<std::string> told;
  if (is_unnamed_worker(::geteuid())) {
    told.emplace_back("user: /etc/passwd has no " + std::string(kWorkerUser) +
                      " of its own, so this runs as uid and gid " + std::to_string(::geteuid()));
  }
  if (!unit && program == Program::net) {
    told.emplace_back(
        "addresses: this is no unit with IPAddressDeny=, so metadata services are kept out by this "
        "process alone");
  }
  return told;
}

}  // namespace

Result<std::vector<std::string>> enter_sandbox(Program program) {
  const Result<Identity> identity = is_root() ? worker_identity() : Identity();
  if (!identity) return identity.error();
  std::vector<std::string> told;
  const auto need = [&told](bool done, const std::string& what) {
    if (!done) told.emplace_back("sandbox: " + what);
  };
  const bool unit = is_unit();
  (void)::clearenv();  // proxies, SSLKEYLOGFILE, OPENSSL_CONF and RES_OPTIONS among it
  (void)std::signal(SIGPIPE, SIG_IGN);
  (void)std::signal(SIGXFSZ, SIG_IGN);
  close_inherited();
  // As it is called where the user is chosen: execveat() leaves the number of a descriptor.
  (void)::prctl(PR_SET_NAME, program == Program::net ? "hostspin-net" : "hostspin-ask", 0, 0, 0);
  need(!is_root() || drop_root(*identity), "this process runs as root and cannot change that");
  need(drop_capabilities(), "capabilities cannot be dropped");
  need(set_limits(program), "a resource limit cannot be set");
  need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs cannot be set");
  if (sanitized()) {
    (void)::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // the change of user has cleared it
    need(false, "built with a sanitizer, so without Landlock and system call filter");
  } else {
    need(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "the process stays dumpable");
    const int abi = landlock_abi();
    need(abi == 0 || landlock_files(abi, program), "Landlock's rules cannot be loaded");
    need(abi >= kLandlockAbiPorts,
         std::string(abi == 0 ? "this kernel has no Landlock"
                              : "this kernel's Landlock knows no ports") +
             ", so a plain TCP connection to a port that nobody asked for is not refused");
    need(filter_system_calls(program), "the system call filter (seccomp) cannot be loaded");
  }
  for (std::string& fact : told_of_surroundings(unit, program)) told.push_back(std::move(fact));
  return told;
}

bool restrict_ports(const std::set<std::uint16_t>& ports) {
  return !sanitized() && landlock_ports(ports);
}

}  // namespace hostspin
