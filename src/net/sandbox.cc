#include "sandbox.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "landlock.h"
#include "syscall_filter.h"

namespace hostspin {
namespace {

constexpr unsigned kFirstInherited = 3;  // 0, 1 and 2 are the stream and standard error

bool drop_root(std::uint32_t uid) {
  if (::geteuid() != 0 && ::getuid() != 0) return true;
  return ::setgroups(0, nullptr) == 0 && ::setresgid(uid, uid, uid) == 0 &&
         ::setresuid(uid, uid, uid) == 0;
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

bool set_limit(decltype(RLIMIT_CORE) resource, rlim_t value) {
  const rlimit limit{value, value};
  return ::setrlimit(resource, &limit) == 0;
}

// As many sockets as the administrator grants: the soft limit is for programs that use select(2).
bool raise_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return false;
  files.rlim_cur = files.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &files) == 0;
}

// A sanitizer's run-time library reads /proc and traces its own process.
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

}  // namespace

std::vector<std::string> enter_sandbox(std::uint32_t uid) {
  std::vector<std::string> lacks;
  const auto need = [&lacks](bool done, const char* what) {
    if (!done) lacks.emplace_back(std::string("sandbox: ") + what);
  };
  (void)::clearenv();  // proxies, SSLKEYLOGFILE, OPENSSL_CONF and RES_OPTIONS among it
  (void)::syscall(SYS_close_range, kFirstInherited, ~0U, 0U);  // absent before 5.9
  need(drop_root(uid), "this process runs as root and cannot change that");
  need(drop_capabilities(), "capabilities cannot be dropped");
  need(set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_FSIZE, 0) && raise_file_limit(),
       "a resource limit cannot be set");
  need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs cannot be set");
  if (sanitized()) {
    (void)::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // the change of user has cleared it
    need(false, "built with a sanitizer, so without Landlock and system call filter");
    return lacks;
  }
  need(::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, "the process stays dumpable");
  need(set_limit(RLIMIT_NPROC, 0), "a resource limit cannot be set");
  const int abi = landlock_abi();
  need(abi > 0 && landlock_everything(abi), "this kernel has no Landlock, files stay readable");
  need(filter_system_calls(), "the system call filter (seccomp) cannot be loaded");
  return lacks;
}

bool restrict_ports(const std::set<std::uint16_t>& ports) {
  return !sanitized() && landlock_ports(ports);
}

}  // namespace hostspin
