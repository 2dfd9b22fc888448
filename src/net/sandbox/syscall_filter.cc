#include "syscall_filter.h"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <initializer_list>
#include <memory>

#include "sandbox.h"

namespace hostspin {
namespace {

// What is not said to be allowed is refused: no file made, changed, removed or opened for writing,
// no program run, no thread, no namespace, no signal to anybody, no socket bound or listened on, no
// other process looked into. A filter sees the arguments of a call and not what they point to, so
// where an address or a path decides, either the call is not needed, or Landlock decides.
//
// Each group below has a purpose. What the test suites were seen to use on Debian 12 is in it, and
// what newer C libraries, libcurl and OpenSSL use for the same purpose, where it gives no more
// power.

struct FreeFilter {
  void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FreeFilter>;

constexpr scmp_datum_t kInt = 0xffffffff;  // what the kernel reads of an argument that is an int

scmp_datum_t datum(int value) { return static_cast<unsigned>(value); }

scmp_arg_cmp is(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, kInt, value & kInt};
}
scmp_arg_cmp is(unsigned argument, int value) { return is(argument, datum(value)); }

/// The int has no bits but those of `allowed`.
scmp_arg_cmp within(unsigned argument, int allowed) {
  return {argument, SCMP_CMP_MASKED_EQ, kInt & ~datum(allowed), 0};
}

/// Of the bits of `mask` the int has exactly `bits`.
scmp_arg_cmp bits(unsigned argument, int mask, int bits) {
  return {argument, SCMP_CMP_MASKED_EQ, datum(mask), datum(bits)};
}

scmp_arg_cmp is_null(unsigned argument) { return {argument, SCMP_CMP_EQ, 0, 0}; }

/// A filter in the making. A rule that cannot be added spoils it.
class Rules {
 public:
  explicit Rules(const Filter& filter) : filter_(filter.get()) {}

  void allow(std::initializer_list<int> calls) {
    for (const int call : calls) allow(call, {});
  }
  void allow(int call, std::initializer_list<scmp_arg_cmp> conditions) {
    good_ = good_ && seccomp_rule_add_array(filter_, SCMP_ACT_ALLOW, call,
                                            static_cast<unsigned>(conditions.size()),
                                            conditions.begin()) == 0;
  }
  [[nodiscard]] bool good() const { return good_; }

 private:
  void* filter_;
  bool good_ = true;
};

// --- both workers ---

/// What is open already, and sockets once they are connected.
void allow_streams(Rules& rules) {
  rules.allow({SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close),
               SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(shutdown), SCMP_SYS(fstat),
               SCMP_SYS(fstat64), SCMP_SYS(pipe2), SCMP_SYS(eventfd2)});
  rules.allow(SCMP_SYS(ioctl), {is(1, FIONBIO)});
  rules.allow(SCMP_SYS(ioctl), {is(1, FIONREAD)});
}

/// No F_SETOWN, F_SETSIG or O_ASYNC, by which the kernel sends signals to others; no leases, locks,
/// notices or pipes grown.
void allow_descriptor_flags(Rules& rules) {
  for (const int call : {SCMP_SYS(fcntl), SCMP_SYS(fcntl64)}) {
    for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_DUPFD, F_DUPFD_CLOEXEC}) {
      rules.allow(call, {is(1, command)});
    }
    rules.allow(call, {is(1, F_SETFL), within(2, O_ACCMODE | O_NONBLOCK)});
  }
}

/// Which sockets may be made, by socket(2) or two at a time by socketpair(2).
struct SocketKind {
  int call;
  int family;
  int type;
  int protocol;
};

void allow_sockets(Rules& rules, std::initializer_list<SocketKind> kinds) {
  for (const SocketKind& kind : kinds) {
    rules.allow(kind.call, {is(0, kind.family), bits(1, ~(SOCK_CLOEXEC | SOCK_NONBLOCK), kind.type),
                            is(2, kind.protocol)});
  }
}

/// TCP and UDP as such: MPTCP, SCTP, SMC, UDPLITE and the like are none of Landlock's business, nor
/// is a connection that a datagram's flag opens. Nothing is bound, so nobody is listened to.
void allow_internet(Rules& rules) {
  allow_sockets(rules, {{SCMP_SYS(socket), AF_INET, SOCK_STREAM, 0},
                        {SCMP_SYS(socket), AF_INET, SOCK_STREAM, IPPROTO_TCP},
                        {SCMP_SYS(socket), AF_INET, SOCK_DGRAM, 0},
                        {SCMP_SYS(socket), AF_INET, SOCK_DGRAM, IPPROTO_UDP},
                        {SCMP_SYS(socket), AF_INET6, SOCK_STREAM, 0},
                        {SCMP_SYS(socket), AF_INET6, SOCK_STREAM, IPPROTO_TCP},
                        {SCMP_SYS(socket), AF_INET6, SOCK_DGRAM, 0},
                        {SCMP_SYS(socket), AF_INET6, SOCK_DGRAM, IPPROTO_UDP}});
  rules.allow(
      {SCMP_SYS(connect), SCMP_SYS(getsockname), SCMP_SYS(getpeername), SCMP_SYS(getsockopt)});
  // To whom it is connected: no address, no MSG_FASTOPEN.
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE;
  rules.allow(SCMP_SYS(sendto), {within(3, kFlags), is_null(4)});

  struct Option {
    int level;
    int name;
  };
  for (const Option& option : std::initializer_list<Option>{{SOL_SOCKET, SO_KEEPALIVE},
                                                            {SOL_SOCKET, SO_LINGER},
                                                            {SOL_SOCKET, SO_RCVBUF},
                                                            {SOL_SOCKET, SO_SNDBUF},
                                                            {SOL_SOCKET, SO_RCVLOWAT},
                                                            {IPPROTO_TCP, TCP_NODELAY},
                                                            {IPPROTO_TCP, TCP_CORK},
                                                            {IPPROTO_TCP, TCP_QUICKACK},
                                                            {IPPROTO_TCP, TCP_KEEPIDLE},
                                                            {IPPROTO_TCP, TCP_KEEPINTVL},
                                                            {IPPROTO_TCP, TCP_KEEPCNT},
                                                            {IPPROTO_TCP, TCP_USER_TIMEOUT},
                                                            {IPPROTO_IP, IP_RECVERR},
                                                            {IPPROTO_IPV6, IPV6_RECVERR},
                                                            {IPPROTO_IPV6, IPV6_V6ONLY}}) {
    rules.allow(SCMP_SYS(setsockopt), {is(1, option.level), is(2, option.name)});
  }
}

/// Timers can signal this process alone (timer_create(2)).
void allow_waiting(Rules& rules) {
  rules.allow(
      {SCMP_SYS(epoll_create1),   SCMP_SYS(epoll_ctl),       SCMP_SYS(epoll_wait),
       SCMP_SYS(epoll_pwait),     SCMP_SYS(epoll_pwait2),    SCMP_SYS(poll),
       SCMP_SYS(ppoll),           SCMP_SYS(ppoll_time64),    SCMP_SYS(select),
       SCMP_SYS(pselect6),        SCMP_SYS(clock_gettime),   SCMP_SYS(clock_gettime64),
       SCMP_SYS(clock_getres),    SCMP_SYS(gettimeofday),    SCMP_SYS(time),
       SCMP_SYS(nanosleep),       SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64),
       SCMP_SYS(timer_create),    SCMP_SYS(timer_settime),   SCMP_SYS(timer_settime64),
       SCMP_SYS(timer_delete),    SCMP_SYS(setitimer),       SCMP_SYS(timerfd_create),
       SCMP_SYS(timerfd_settime), SCMP_SYS(restart_syscall)});
}

/// Memory that is never both writable and executable, nor ever was.
void allow_memory(Rules& rules) {
  rules.allow({SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise)});
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)}) {
    rules.allow(call, {bits(2, PROT_EXEC, 0)});
  }
}

/// The C library and the C++ run-time's own needs, up to the end. abort(3) signals itself; where it
/// may not, in a child, it ends by an illegal instruction.
void allow_runtime(Rules& rules) {
  rules.allow({SCMP_SYS(futex),          SCMP_SYS(futex_time64), SCMP_SYS(getrandom),
               SCMP_SYS(sysinfo),        SCMP_SYS(sched_yield),  SCMP_SYS(sched_getaffinity),
               SCMP_SYS(getcpu),         SCMP_SYS(membarrier),   SCMP_SYS(getpid),
               SCMP_SYS(getppid),        SCMP_SYS(gettid),       SCMP_SYS(getuid),
               SCMP_SYS(geteuid),        SCMP_SYS(getgid),       SCMP_SYS(getegid),
               SCMP_SYS(getrlimit),      SCMP_SYS(ugetrlimit),   SCMP_SYS(rt_sigaction),
               SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),
               SCMP_SYS(sigaltstack),    SCMP_SYS(exit),         SCMP_SYS(exit_group)});
  rules.allow(SCMP_SYS(prlimit64), {is(0, 0), is_null(2)});  // its own, to read
  rules.allow(SCMP_SYS(tgkill), {is(0, ::getpid()), is(1, ::gettid()), is(2, SIGABRT)});
}

// --- hostspin-net ---

void allow_fetching_and_probing(Rules& rules) {
  // Routes and neighbours, to read: a capability is needed to change them, and without bind(2) no
  // group of messages is received. And two ends of its own, which reach nobody: libcurl's wake-up,
  // a pump between kernel and library. Streams alone: an end of a pair for datagrams can be
  // connected anew, to the journal say.
  allow_sockets(rules, {{SCMP_SYS(socket), AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE},
                        {SCMP_SYS(socket), AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
                        {SCMP_SYS(socketpair), AF_UNIX, SOCK_STREAM, 0}});
  rules.allow(SCMP_SYS(ioctl), {is(1, SIOCGIFNAME)});  // if_indextoname(3)'s question
  rules.allow(SCMP_SYS(dup3), {is(2, O_CLOEXEC)});
  // A sandbox may grow tighter: restrict_ports().
  rules.allow({SCMP_SYS(landlock_create_ruleset), SCMP_SYS(landlock_add_rule),
               SCMP_SYS(landlock_restrict_self)});
}

// --- hostspin-ask ---

/// The hosts file, resolv.conf, nsswitch.conf and the modules that it names.
void allow_reading_files(Rules& rules) {
  constexpr int kLargeFile =
      0400000 | 0100000;  // O_LARGEFILE of the kernels, 0 for 64-bit programs
  constexpr int kFlags =
      O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_DIRECTORY | kLargeFile;
  rules.allow(SCMP_SYS(openat), {within(2, kFlags)});
  rules.allow(SCMP_SYS(open), {within(1, kFlags)});
  rules.allow({SCMP_SYS(stat),       SCMP_SYS(stat64),     SCMP_SYS(lstat),
               SCMP_SYS(lstat64),    SCMP_SYS(newfstatat), SCMP_SYS(fstatat64),
               SCMP_SYS(statx),      SCMP_SYS(statfs),     SCMP_SYS(fstatfs),
               SCMP_SYS(access),     SCMP_SYS(faccessat),  SCMP_SYS(faccessat2),
               SCMP_SYS(readlink),   SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
               SCMP_SYS(getdents64), SCMP_SYS(lseek),      SCMP_SYS(_llseek),
               SCMP_SYS(pread64),    SCMP_SYS(fadvise64),  SCMP_SYS(uname)});
}

/// getaddrinfo(3) loads NSS modules by dlopen(3) while it answers, so code can be mapped: from a
/// file, never writable. No file can be written here, and none without a name be made.
void allow_loading_modules(Rules& rules) {
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2)}) {
    rules.allow(call, {bits(2, PROT_EXEC | PROT_WRITE, PROT_EXEC), bits(3, MAP_ANONYMOUS, 0)});
  }
}

/// nscd, sssd, systemd-resolved and avahi stand behind sockets with a path; glibc asks for both
/// families of addresses by one sendmmsg().
void allow_asking(Rules& rules) {
  allow_sockets(rules, {{SCMP_SYS(socket), AF_UNIX, SOCK_STREAM, 0}});
  constexpr int kFlags = MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE;
  rules.allow(SCMP_SYS(sendmsg), {within(2, kFlags)});
  rules.allow(SCMP_SYS(sendmmsg), {within(3, kFlags)});
}

/// Each question has a process of its own, made by fork(3) and by nothing else: no thread, no
/// namespace, no shared memory. It ends by itself, by its timer or with its parent; nobody needs to
/// signal it.
void allow_children(Rules& rules) {
  rules.allow(SCMP_SYS(clone), {is(0, CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD)});
  rules.allow({SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
               SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3)});
  rules.allow(SCMP_SYS(close_range), {is(2, 0)});
  rules.allow(SCMP_SYS(prctl), {is(0, PR_SET_PDEATHSIG), is(1, SIGKILL)});
}

bool add_rules(const Filter& filter, Program program) {
  Rules rules(filter);
  allow_streams(rules);
  allow_descriptor_flags(rules);
  allow_internet(rules);
  allow_waiting(rules);
  allow_memory(rules);
  allow_runtime(rules);
  switch (program) {
    case Program::net:
      allow_fetching_and_probing(rules);
      break;
    case Program::ask:
      allow_reading_files(rules);
      allow_loading_modules(rules);
      allow_asking(rules);
      allow_children(rules);
      break;
  }
  return rules.good();
}

}  // namespace

bool filter_system_calls(Program program) {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)));
  // A tree instead of a list: a socket's life is some of these calls.
  constexpr std::uint32_t kTree = 2;
  (void)seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, kTree);  // since libseccomp 2.5
  return filter &&
         seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)) == 0 &&
         add_rules(filter, program) && seccomp_load(filter.get()) == 0;
}

}  // namespace hostspin
