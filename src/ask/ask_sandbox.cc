#include "ask_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

namespace hostspin {
namespace {

constexpr uid_t kNobody = 65534;
constexpr rlim_t kOpenFilesMax = 256;
constexpr rlim_t kCpuSecondsMax = 60;
constexpr rlim_t kAddressSpaceBytesMax = 1U << 30U;

Result<void> give_up_root() {
  if (geteuid() != 0 && getuid() != 0) return {};
  if (setgroups(0, nullptr) != 0 || setresgid(kNobody, kNobody, kNobody) != 0 ||
      setresuid(kNobody, kNobody, kNobody) != 0) {
    return {Errc::denied, std::string("cannot give up root's rights: ") + strerror(errno),
            "run it as an unprivileged user"};
  }
  return {};
}

/// A sanitizer reserves terabytes of addresses.
constexpr bool is_sanitized() {
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

void limit(decltype(RLIMIT_CORE) resource, rlim_t value) {
  const rlimit both{value, value};
  (void)setrlimit(resource, &both);  // a lower limit of the caller's stands
}

/// Every kind of writing is handled, and no rule allows any; reading, and so each NSS module, is
/// free.
void deny_writing() {
#ifdef SYS_landlock_create_ruleset
  landlock_ruleset_attr attributes = {};
  attributes.handled_access_fs = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                                 LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                 LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
  const long ruleset = syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0U);
  if (ruleset < 0) return;  // before Linux 5.13, or switched off
  (void)syscall(SYS_landlock_restrict_self, ruleset, 0U);
  (void)close(static_cast<int>(ruleset));
#endif
}

}  // namespace

Result<void> enter_ask_sandbox() {
  (void)clearenv();
  Result<void> unprivileged = give_up_root();
  if (!unprivileged) return unprivileged;
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return {Errc::denied, std::string("cannot refuse new rights: ") + strerror(errno)};
  }
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NOFILE, kOpenFilesMax);
  limit(RLIMIT_CPU, kCpuSecondsMax);
  if (!is_sanitized()) limit(RLIMIT_AS, kAddressSpaceBytesMax);
  deny_writing();
  return {};
}

}  // namespace hostspin
