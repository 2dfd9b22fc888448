#include "syscall_filter.h"

#include <asm/ioctls.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <type_traits>

namespace hostspin {
namespace {

struct FreeFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FreeFilter>;

// Without arguments to look at. No open, no bind or listen, no exec, no fork, no signal to others.
constexpr int kAllowed[] = {
    // sockets and pipes
    SCMP_SYS(connect), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg), SCMP_SYS(shutdown), SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write),
    SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), SCMP_SYS(fstat64), SCMP_SYS(statx),
    // waiting and time
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    // memory and the C library
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex),
    SCMP_SYS(getrandom), SCMP_SYS(sysinfo), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid),
    SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrlimit),
    SCMP_SYS(ugetrlimit), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
    // a sandbox may grow tighter
    SCMP_SYS(landlock_create_ruleset), SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_restrict_self)};

bool allow(const Filter& filter, int call) {
  return seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, call, 0) == 0;
}

bool allow_if(const Filter& filter, int call, std::initializer_list<scmp_arg_cmp> conditions) {
  return seccomp_rule_add_array(filter.get(), SCMP_ACT_ALLOW, call,
                                static_cast<unsigned>(conditions.size()), conditions.begin()) == 0;
}

scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}

scmp_arg_cmp masked(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

bool allow_sockets(const Filter& filter) {
  constexpr scmp_datum_t kTypeMask = 0xf;  // the rest are SOCK_CLOEXEC and SOCK_NONBLOCK
  for (const int family : {AF_INET, AF_INET6}) {
    for (const auto type : {SOCK_STREAM, SOCK_DGRAM}) {
      if (!allow_if(filter, SCMP_SYS(socket),
                    {equals(0, static_cast<scmp_datum_t>(family)),
                     masked(1, kTypeMask, static_cast<scmp_datum_t>(type))})) {
        return false;
      }
    }
  }
  // Routes and neighbours, to read: a capability is needed to change them.
  return allow_if(filter, SCMP_SYS(socket), {equals(0, AF_NETLINK), equals(2, NETLINK_ROUTE)});
}

bool add_rules(const Filter& filter) {
  for (const int call : kAllowed) {
    if (!allow(filter, call)) return false;
  }
  return allow_sockets(filter) && allow_if(filter, SCMP_SYS(mmap), {masked(2, PROT_EXEC, 0)}) &&
         allow_if(filter, SCMP_SYS(mmap2), {masked(2, PROT_EXEC, 0)}) &&
         allow_if(filter, SCMP_SYS(mprotect), {masked(2, PROT_EXEC, 0)}) &&
         allow_if(filter, SCMP_SYS(prlimit64), {equals(0, 0), equals(2, 0)}) &&  // own, to read
         allow_if(filter, SCMP_SYS(ioctl), {equals(1, FIONBIO)}) &&
         allow_if(filter, SCMP_SYS(ioctl), {equals(1, SIOCGIFNAME)}) &&
         allow_if(filter, SCMP_SYS(tgkill), {equals(2, SIGABRT)});  // abort(3)
}

}  // namespace

bool filter_system_calls() {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  return filter &&
         seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
         add_rules(filter) && seccomp_load(filter.get()) == 0;
}

}  // namespace hostspin
