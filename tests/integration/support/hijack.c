// A worker that has been taken over: loaded into hostspin-net or hostspin-ask by LD_PRELOAD, it waits until
// the sandbox is up and the requests are known, and then tries from inside the process whatever no worker
// needs, a row of the table each. What became of a row goes to standard error: "WHERE ROW RESULT", where
// RESULT is an errno's number, or 0 where the kernel did it.
//
// Compiled with -DCONTROL it is a program that tries the same rows with no sandbox around it, each in a
// child: a row that is refused there as well would prove nothing.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#define PROTO_SMC 256
#define CALL(name, number) enum { name = number }  // newer than the oldest headers
CALL(kClone3, 435);
CALL(kOpenTree, 428);
CALL(kFsopen, 430);
CALL(kPidfdSendSignal, 424);
CALL(kPidfdOpen, 434);
CALL(kPidfdGetfd, 438);
CALL(kOpenat2, 437);
CALL(kProcessMadvise, 440);
CALL(kMountSetattr, 442);
CALL(kMemfdSecret, 447);
CALL(kFchmodat2, 452);
CALL(kSetxattrat, 463);

static int victim, port, landlock_abi = -1;  // -1: the kernel's own
static char folder[200];

static int (*real_epoll_wait)(int, struct epoll_event*, int, int);
static int (*real_poll)(struct pollfd*, nfds_t, int);
static ssize_t (*real_read)(int, void*, size_t);
static long (*real_syscall)(long, ...);
static int (*real_getaddrinfo)(const char*, const char*, const struct addrinfo*, struct addrinfo**);

static void find_real(void) {
  if (real_syscall != NULL) return;
  *(void**)&real_epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
  *(void**)&real_poll = dlsym(RTLD_NEXT, "poll");
  *(void**)&real_read = dlsym(RTLD_NEXT, "read");
  *(void**)&real_getaddrinfo = dlsym(RTLD_NEXT, "getaddrinfo");
  *(void**)&real_syscall = dlsym(RTLD_NEXT, "syscall");
}

static int number_of(const char* name) {
  const char* text = getenv(name);
  return text == NULL ? 0 : atoi(text);
}

__attribute__((constructor)) static void read_environment(void) {  // the worker clears it
  find_real();
  victim = number_of("HIJACK_PID");
  port = number_of("HIJACK_PORT");
  if (getenv("HIJACK_LANDLOCK") != NULL) landlock_abi = number_of("HIJACK_LANDLOCK");
  const char* text = getenv("HIJACK_FOLDER");
  snprintf(folder, sizeof folder, "%s", text == NULL ? "/nonexistent" : text);
}

static long result_of(long returned) { return returned == -1 ? errno : 0; }
#define TRY(...) return result_of(real_syscall(__VA_ARGS__))

static const char* file(void) {  // which anybody may write
  static char path[260];
  snprintf(path, sizeof path, "%s/writable", folder);
  return path;
}
static const char* fresh(void) {
  static char path[260];
  snprintf(path, sizeof path, "%s/made", folder);
  return path;
}

static struct sockaddr_in foreign(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int plain_socket(int type) { return (int)real_syscall(SYS_socket, AF_INET, type, 0); }

// --- sockets ---

static long connect_plainly(void) {
  const struct sockaddr_in to = foreign();
  TRY(SYS_connect, plain_socket(SOCK_STREAM), &to, sizeof to);
}
static long open_socket(int family, int type, int protocol) {
  TRY(SYS_socket, family, type, protocol);
}
static long socket_mptcp(void) { return open_socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP); }
static long socket_mptcp6(void) { return open_socket(AF_INET6, SOCK_STREAM, IPPROTO_MPTCP); }
static long socket_mptcp_odd(void) {  // the kernel does not look at the upper half
  TRY(SYS_socket, AF_INET | 1L << 32, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP | 1L << 33);
}
static long socket_udplite(void) { return open_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE); }
static long socket_udplite6(void) { return open_socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDPLITE); }
static long socket_sctp(void) { return open_socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP); }
static long socket_sctp_packets(void) { return open_socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP); }
static long socket_smc(void) { return open_socket(AF_INET, SOCK_STREAM, PROTO_SMC); }
static long socket_dccp(void) { return open_socket(AF_INET, SOCK_DCCP, IPPROTO_DCCP); }
static long socket_l2tp(void) { return open_socket(AF_INET, SOCK_DGRAM, 115); }
static long socket_ping(void) { return open_socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP); }
static long socket_raw(void) { return open_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP); }
static long socket_raw6(void) { return open_socket(AF_INET6, SOCK_RAW, IPPROTO_RAW); }
static long socket_packet(void) { return open_socket(AF_PACKET, SOCK_RAW, 0); }
static long socket_packet_old(void) { return open_socket(AF_INET, SOCK_PACKET, 0); }
static long socket_audit(void) { return open_socket(AF_NETLINK, SOCK_RAW, 9); }
static long socket_uevent(void) { return open_socket(AF_NETLINK, SOCK_RAW, 15); }
static long socket_diagnoses(void) { return open_socket(AF_NETLINK, SOCK_DGRAM, 4); }
static long socket_generic(void) { return open_socket(AF_NETLINK, SOCK_RAW, 16); }
static long socket_route(void) { return open_socket(AF_NETLINK, SOCK_RAW, 0); }
static long socket_vsock(void) { return open_socket(AF_VSOCK, SOCK_STREAM, 0); }
static long socket_alg(void) { return open_socket(AF_ALG, SOCK_SEQPACKET, 0); }
static long socket_key(void) { return open_socket(AF_KEY, SOCK_RAW, 2); }
static long socket_bluetooth(void) { return open_socket(AF_BLUETOOTH, SOCK_RAW, 0); }
static long socket_local(void) { return open_socket(AF_UNIX, SOCK_STREAM, 0); }
static long socket_local_datagrams(void) { return open_socket(AF_UNIX, SOCK_DGRAM, 0); }
static long socket_local_packets(void) { return open_socket(AF_UNIX, SOCK_SEQPACKET, 0); }
static long pair_of_datagrams(void) {
  int ends[2];
  TRY(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, ends);
}
static long pair_of_datagrams_flagged(void) {
  int ends[2];
  TRY(SYS_socketpair, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends);
}
// An end of such a pair can be connected anew, to the journal or systemd's notify socket.
static long pair_reconnected(void) {
  int ends[2];
  const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
  if (real_syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    return errno;
  }
  TRY(SYS_connect, ends[0], &to, sizeof to);
}
static long pair_of_packets(void) {
  int ends[2];
  TRY(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET, 0, ends);
}
static long bind_to_port(void) {
  struct sockaddr_in address = foreign();
  address.sin_port = 0;
  TRY(SYS_bind, plain_socket(SOCK_STREAM), &address, sizeof address);
}
static long bind_datagrams(void) {
  struct sockaddr_in address = foreign();
  address.sin_port = 0;
  TRY(SYS_bind, plain_socket(SOCK_DGRAM), &address, sizeof address);
}
static long listen_anywhere(void) { TRY(SYS_listen, plain_socket(SOCK_STREAM), 1); }
static long accept_one(void) { TRY(SYS_accept4, plain_socket(SOCK_STREAM), NULL, NULL, SOCK_NONBLOCK); }

// --- connections by other calls than connect(2) ---

static long fast_open(int flags) {
  const struct sockaddr_in to = foreign();
  TRY(SYS_sendto, plain_socket(SOCK_STREAM), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL | flags, &to, sizeof to);
}
static long sendto_fast_open(void) { return fast_open(0); }
static long sendto_fast_open_later(void) { return fast_open(MSG_DONTWAIT); }
static long sendto_fast_open_nowhere(void) {
  TRY(SYS_sendto, plain_socket(SOCK_STREAM), "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, NULL, 0);
}
static long sendto_address(void) {
  const struct sockaddr_in to = foreign();
  TRY(SYS_sendto, plain_socket(SOCK_DGRAM), "x", 1, MSG_NOSIGNAL, &to, sizeof to);
}
static struct msghdr message_to(struct sockaddr_in* to, struct iovec* part) {
  *to = foreign();
  *part = (struct iovec){.iov_base = (void*)"x", .iov_len = 1};
  return (struct msghdr){.msg_name = to, .msg_namelen = sizeof *to, .msg_iov = part, .msg_iovlen = 1};
}
static long sendmsg_fast_open(void) {
  struct sockaddr_in to;
  struct iovec part;
  const struct msghdr message = message_to(&to, &part);
  TRY(SYS_sendmsg, plain_socket(SOCK_STREAM), &message, MSG_FASTOPEN | MSG_NOSIGNAL);
}
static long sendmmsg_fast_open(void) {
  struct sockaddr_in to;
  struct iovec part;
  struct mmsghdr message = {.msg_hdr = message_to(&to, &part)};
  TRY(SYS_sendmmsg, plain_socket(SOCK_STREAM), &message, 1, MSG_FASTOPEN | MSG_NOSIGNAL);
}
static long sendmsg_address(void) {
  struct sockaddr_in to;
  struct iovec part;
  const struct msghdr message = message_to(&to, &part);
  TRY(SYS_sendmsg, plain_socket(SOCK_DGRAM), &message, MSG_NOSIGNAL);
}

static long set_option(int level, int name, int value) {
  TRY(SYS_setsockopt, plain_socket(SOCK_STREAM), level, name, &value, sizeof value);
}
static long option_fast_open_connect(void) { return set_option(IPPROTO_TCP, 30, 1); }
static long option_fast_open(void) { return set_option(IPPROTO_TCP, TCP_FASTOPEN, 5); }
static long option_congestion(void) {
  TRY(SYS_setsockopt, plain_socket(SOCK_STREAM), IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
}
static long option_ulp(void) {
  TRY(SYS_setsockopt, plain_socket(SOCK_STREAM), IPPROTO_TCP, TCP_ULP, "tls", 3);
}
static long option_repair(void) { return set_option(IPPROTO_TCP, TCP_REPAIR, 1); }
static long option_mark(void) { return set_option(SOL_SOCKET, SO_MARK, 1); }
static long option_priority(void) { return set_option(SOL_SOCKET, SO_PRIORITY, 1); }
static long option_reuse_address(void) { return set_option(SOL_SOCKET, SO_REUSEADDR, 1); }
static long option_reuse_port(void) { return set_option(SOL_SOCKET, SO_REUSEPORT, 1); }
static long option_broadcast(void) { return set_option(SOL_SOCKET, SO_BROADCAST, 1); }
static long option_dont_route(void) { return set_option(SOL_SOCKET, SO_DONTROUTE, 1); }
static long option_device(void) {
  TRY(SYS_setsockopt, plain_socket(SOCK_STREAM), SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
}
static long option_filter(void) {
  struct sock_filter code = {BPF_RET | BPF_K, 0, 0, 0};
  const struct sock_fprog program = {1, &code};
  TRY(SYS_setsockopt, plain_socket(SOCK_DGRAM), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}
static long option_zero_copy(void) { return set_option(SOL_SOCKET, SO_ZEROCOPY, 1); }
static long option_transparent(void) { return set_option(IPPROTO_IP, IP_TRANSPARENT, 1); }
static long option_free_bind(void) { return set_option(IPPROTO_IP, IP_FREEBIND, 1); }
static long option_own_header(void) { return set_option(IPPROTO_IP, IP_HDRINCL, 1); }
static long option_source_route(void) {
  TRY(SYS_setsockopt, plain_socket(SOCK_DGRAM), IPPROTO_IP, IP_OPTIONS, "\1\1\1\0", 4);
}
static long option_join_group(void) {
  struct ip_mreq group = {.imr_multiaddr = {htonl(0xe0000005)}, .imr_interface = {htonl(INADDR_LOOPBACK)}};
  TRY(SYS_setsockopt, plain_socket(SOCK_DGRAM), IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group);
}
static long option_address_form(void) {
  const int value = AF_INET;
  TRY(SYS_setsockopt, real_syscall(SYS_socket, AF_INET6, SOCK_STREAM, 0), IPPROTO_IPV6, 1, &value, sizeof value);
}

// --- descriptors that signal others, or change files ---

static long control(int command, long argument) {
  TRY(SYS_fcntl, plain_socket(SOCK_DGRAM), command, argument);
}
static long fcntl_set_owner(void) { return control(F_SETOWN, victim); }
static long fcntl_set_owner_ex(void) {
  const struct f_owner_ex owner = {F_OWNER_PID, victim};
  return control(F_SETOWN_EX, (long)&owner);
}
static long fcntl_set_owner_odd(void) { return real_syscall(SYS_fcntl, 0, F_SETOWN | 1L << 32, victim) < 0 ? errno : 0; }
static long fcntl_set_signal(void) { return control(F_SETSIG, SIGKILL); }
static long fcntl_async(void) { return control(F_SETFL, O_RDWR | O_ASYNC); }
static long fcntl_async_too(void) { return control(F_SETFL, O_RDWR | O_NONBLOCK | O_ASYNC); }
static long fcntl_direct(void) { TRY(SYS_fcntl, 0, F_SETFL, O_NOATIME); }
static long fcntl_notify(void) {
  TRY(SYS_fcntl, real_syscall(SYS_openat, AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0), F_NOTIFY, DN_CREATE);
}
static long fcntl_lease(void) {
  TRY(SYS_fcntl, real_syscall(SYS_openat, AT_FDCWD, file(), O_RDONLY, 0), F_SETLEASE, F_RDLCK);
}
static long fcntl_lock(void) {
  struct flock lock = {.l_type = F_RDLCK};
  TRY(SYS_fcntl, real_syscall(SYS_openat, AT_FDCWD, file(), O_RDONLY, 0), F_SETLK, &lock);
}
static long fcntl_pipe_size(void) {
  int ends[2];
  if (real_syscall(SYS_pipe2, ends, 0) != 0) return errno;
  TRY(SYS_fcntl, ends[0], F_SETPIPE_SZ, 65536);
}
static long fcntl_seals(void) { TRY(SYS_fcntl, 0, F_ADD_SEALS, 0); }
static long flock_file(void) { TRY(SYS_flock, 2, 2 | 4); }
static long command_socket(unsigned long request, long value) {
  int number = (int)value;
  TRY(SYS_ioctl, plain_socket(SOCK_DGRAM), request, &number);
}
static long ioctl_async(void) { return command_socket(FIOASYNC, 1); }
static long ioctl_owner(void) { return command_socket(0x8901 /* FIOSETOWN */, victim); }
static long ioctl_group(void) { return command_socket(0x8902 /* SIOCSPGRP */, victim); }
static long ioctl_group_odd(void) { int number = victim; TRY(SYS_ioctl, plain_socket(SOCK_DGRAM), 0x8902 | 1L << 32, &number); }
static long ioctl_type(void) { TRY(SYS_ioctl, 0, TIOCSTI, "x"); }
static long ioctl_paste(void) { TRY(SYS_ioctl, 0, TIOCLINUX, "\3"); }
static long ioctl_controlling_terminal(void) { TRY(SYS_ioctl, 0, TIOCSCTTY, 0); }
static long ioctl_set_flags(void) { unsigned int f = 0; TRY(SYS_ioctl, plain_socket(SOCK_DGRAM), SIOCSIFFLAGS, &f); }
static long ioctl_clone_file(void) { TRY(SYS_ioctl, 2, FICLONE, 0); }
static long ioctl_list_interfaces(void) { return command_socket(SIOCGIFCONF, 0); }

// --- signals ---

static long signal_kill(void) { TRY(SYS_kill, victim, SIGCONT); }
static long signal_kill_probe(void) { TRY(SYS_kill, victim, 0); }
static long signal_kill_group(void) { TRY(SYS_kill, -victim, 0); }
static long signal_kill_all(void) { TRY(SYS_kill, -1, 0); }
static long signal_tkill(void) { TRY(SYS_tkill, victim, SIGCONT); }
static long signal_tgkill(void) { TRY(SYS_tgkill, victim, victim, SIGCONT); }
static long signal_tgkill_abort(void) { TRY(SYS_tgkill, victim, victim, SIGABRT); }
static long signal_queue(void) {
  siginfo_t info = {.si_code = SI_QUEUE, .si_signo = SIGCONT};
  TRY(SYS_rt_sigqueueinfo, victim, SIGCONT, &info);
}
static long signal_queue_thread(void) {
  siginfo_t info = {.si_code = SI_QUEUE, .si_signo = SIGCONT};
  TRY(SYS_rt_tgsigqueueinfo, victim, victim, SIGCONT, &info);
}
static long signal_pidfd_open(void) { TRY(kPidfdOpen, victim, 0); }
static long signal_pidfd(void) { TRY(kPidfdSendSignal, real_syscall(kPidfdOpen, victim, 0), SIGCONT, NULL, 0); }
static long signal_through_proc(void) {
  char path[40];
  snprintf(path, sizeof path, "/proc/%d", victim);
  TRY(kPidfdSendSignal, real_syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0), SIGCONT, NULL, 0);
}
static long pidfd_get_fd(void) { TRY(kPidfdGetfd, real_syscall(kPidfdOpen, victim, 0), 0, 0); }
static long session_new(void) { TRY(SYS_setsid); }
static long group_of(void) { TRY(SYS_setpgid, 0, 0); }
static long priority_of_another(void) { TRY(SYS_setpriority, PRIO_PROCESS, victim, 19); }
static long scheduler_of_another(void) {
  const struct sched_param none = {0};
  TRY(SYS_sched_setscheduler, victim, SCHED_BATCH, &none);
}
static long affinity_of_another(void) {
  const unsigned long first = 1;
  TRY(SYS_sched_setaffinity, victim, sizeof first, &first);
}
static long io_priority_of_another(void) { TRY(SYS_ioprio_set, 1, victim, 3 << 13); }

// --- files ---

static long open_with(int flags) { TRY(SYS_openat, AT_FDCWD, file(), flags, 0600); }
static long open_writing(void) { return open_with(O_WRONLY); }
static long open_both(void) { return open_with(O_RDWR); }
static long open_appending(void) { return open_with(O_WRONLY | O_APPEND); }
static long open_truncating(void) { return open_with(O_WRONLY | O_TRUNC); }
static long open_reading_truncating(void) { return open_with(O_RDONLY | O_TRUNC); }
static long open_creating(void) { TRY(SYS_openat, AT_FDCWD, fresh(), O_RDONLY | O_CREAT, 0600); }
static long open_creating_alone(void) { TRY(SYS_openat, AT_FDCWD, fresh(), O_WRONLY | O_CREAT | O_EXCL, 0600); }
static long open_unnamed(void) { TRY(SYS_openat, AT_FDCWD, folder, O_TMPFILE | O_RDWR, 0600); }
static long open_path(void) { return open_with(O_PATH); }
static long open_odd(void) { TRY(SYS_openat, AT_FDCWD, file(), O_WRONLY | 1L << 32, 0); }
static long open2_writing(void) {
  const struct { uint64_t flags, mode, resolve; } how = {O_WRONLY, 0, 0};
  TRY(kOpenat2, AT_FDCWD, file(), &how, sizeof how);
}
static long open2_reading(void) {
  const struct { uint64_t flags, mode, resolve; } how = {O_RDONLY, 0, 0};
  TRY(kOpenat2, AT_FDCWD, file(), &how, sizeof how);
}
static long open_by_handle(void) {
  struct { unsigned bytes; int type; char handle[8]; } handle = {8, 1, {0}};
  TRY(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY);
}
static long truncate_path(void) { TRY(SYS_truncate, file(), 0); }
static long truncate_descriptor(void) {
  int ends[2];
  if (real_syscall(SYS_pipe2, ends, 0) != 0) return errno;
  TRY(SYS_ftruncate, ends[1], 0);
}
static long allocate(void) { TRY(SYS_fallocate, 2, 0, 0, 1); }
static long write_at(void) { TRY(SYS_pwrite64, 2, "", 0, 0); }
static long copy_range(void) { TRY(SYS_copy_file_range, 0, NULL, 2, NULL, 0, 0); }
static long splice_pipe(void) { TRY(SYS_splice, 0, NULL, 2, NULL, 0, 0); }
static long vmsplice_pipe(void) { TRY(SYS_vmsplice, 2, NULL, 0, 0); }
static long send_file(void) { TRY(SYS_sendfile, 2, 0, NULL, 0); }
static long mode_at(void) { TRY(SYS_fchmodat, AT_FDCWD, fresh(), 0777); }
static long mode_at2(void) { TRY(kFchmodat2, AT_FDCWD, fresh(), 0777, 0); }
static long mode_descriptor(void) { TRY(SYS_fchmod, 0, 0600); }
static long owner_at(void) { TRY(SYS_fchownat, AT_FDCWD, fresh(), -1, -1, 0); }
static long owner_descriptor(void) { TRY(SYS_fchown, 0, -1, -1); }
static long attribute_set(void) { TRY(SYS_setxattr, fresh(), "user.x", "x", 1, 0); }
static long attribute_set_link(void) { TRY(SYS_lsetxattr, fresh(), "user.x", "x", 1, 0); }
static long attribute_set_descriptor(void) { TRY(SYS_fsetxattr, 77, "user.x", "x", 1, 0); }
static long attribute_set_at(void) { TRY(kSetxattrat, AT_FDCWD, fresh(), 0, "user.x", NULL, 0); }
static long attribute_remove(void) { TRY(SYS_removexattr, fresh(), "user.x"); }
static long times_of(void) { TRY(SYS_utimensat, AT_FDCWD, file(), NULL, 0); }
static long link_at(void) { TRY(SYS_linkat, AT_FDCWD, fresh(), AT_FDCWD, fresh(), 0); }
static long link_symbolic(void) { TRY(SYS_symlinkat, "x", AT_FDCWD, fresh()); }
static long rename_at(void) { TRY(SYS_renameat2, AT_FDCWD, fresh(), AT_FDCWD, file(), 0); }
static long rename_exchange(void) { TRY(SYS_renameat2, AT_FDCWD, fresh(), AT_FDCWD, file(), 2); }
static long unlink_at(void) { TRY(SYS_unlinkat, AT_FDCWD, fresh(), 0); }
static long unlink_folder(void) { TRY(SYS_unlinkat, AT_FDCWD, fresh(), AT_REMOVEDIR); }
static long make_folder(void) { TRY(SYS_mkdirat, AT_FDCWD, fresh(), 0700); }
static long make_pipe(void) { TRY(SYS_mknodat, AT_FDCWD, fresh(), S_IFIFO | 0600, 0); }
static long make_socket(void) { TRY(SYS_mknodat, AT_FDCWD, fresh(), S_IFSOCK | 0600, 0); }
static long change_folder(void) { TRY(SYS_chdir, "/"); }
static long change_folder_descriptor(void) { TRY(SYS_fchdir, 77); }
static long change_mask(void) { TRY(SYS_umask, 0); }
static long watch_files(void) { TRY(SYS_inotify_init1, 0); }
static long watch_all_files(void) { TRY(SYS_fanotify_init, 0x200, 0); }
static long sync_all(void) { TRY(SYS_sync); }
static long message_queue(void) {
  TRY(SYS_mq_open, "hijack", O_RDWR | O_CREAT, 0600, NULL);
}
#ifdef SYS_open  // the calls without a folder, which newer processors do not have
static long old_open(void) { TRY(SYS_open, file(), O_WRONLY, 0); }
static long old_open_creating(void) { TRY(SYS_open, fresh(), O_RDONLY | O_CREAT, 0600); }
static long old_creat(void) { TRY(SYS_creat, fresh(), 0600); }
static long old_chmod(void) { TRY(SYS_chmod, fresh(), 0777); }
static long old_chown(void) { TRY(SYS_chown, fresh(), -1, -1); }
static long old_lchown(void) { TRY(SYS_lchown, fresh(), -1, -1); }
static long old_link(void) { TRY(SYS_link, fresh(), fresh()); }
static long old_symlink(void) { TRY(SYS_symlink, "x", fresh()); }
static long old_rename(void) { TRY(SYS_rename, fresh(), file()); }
static long old_unlink(void) { TRY(SYS_unlink, fresh()); }
static long old_rmdir(void) { TRY(SYS_rmdir, fresh()); }
static long old_mkdir(void) { TRY(SYS_mkdir, fresh(), 0700); }
static long old_mknod(void) { TRY(SYS_mknod, fresh(), S_IFIFO | 0600, 0); }
static long old_utime(void) { TRY(SYS_utime, file(), NULL); }
static long old_fork(void) {
  const long child = real_syscall(SYS_fork);
  if (child == 0) _exit(0);
  return result_of(child);
}
static long old_vfork(void) {  // as what it does: vfork(2) itself may not be called like this
  const long child = real_syscall(SYS_clone, CLONE_VFORK | SIGCHLD, NULL, NULL, NULL, NULL);
  if (child == 0) _exit(0);
  return result_of(child);
}
#endif

// --- processes, code, memory ---

static long run_program(void) {
  char* const nothing[] = {NULL};
  TRY(SYS_execve, "/nonexistent", nothing, nothing);
}
static long run_descriptor(void) {
  char* const nothing[] = {NULL};
  TRY(SYS_execveat, 77, "", nothing, nothing, AT_EMPTY_PATH);
}
static long clone_with(unsigned long flags) {
  const long child = real_syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
  if (child == 0) _exit(0);
  return result_of(child);
}
static long clone_plain(void) { return clone_with(SIGCHLD); }
static long clone_silent(void) { return clone_with(0); }
static long clone_killing(void) { return clone_with(SIGKILL); }
static long clone_sibling(void) { return clone_with(CLONE_PARENT | SIGCHLD); }
static long clone_files(void) { return clone_with(CLONE_FILES | SIGCHLD); }
static long clone_user(void) { return clone_with(CLONE_NEWUSER | SIGCHLD); }
static long clone_user_forked(void) {
  return clone_with(CLONE_NEWUSER | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD);
}
static long clone_network(void) { return clone_with(CLONE_NEWNET | SIGCHLD); }
static long clone_pidfd(void) { return clone_with(CLONE_PIDFD | SIGCHLD); }
static long clone_thread(void) {  // EINVAL where it is looked at: it has no stack
  return clone_with(CLONE_THREAD | CLONE_SIGHAND);
}
static long clone_3(void) {
  uint64_t arguments[8] = {0, 0, 0, 0, SIGCHLD, 0, 0, 0};
  const long child = real_syscall(kClone3, arguments, sizeof arguments);
  if (child == 0) _exit(0);
  return result_of(child);
}
static long new_user_namespace(void) { TRY(SYS_unshare, CLONE_NEWUSER); }
static long new_files_table(void) { TRY(SYS_unshare, CLONE_FILES); }
static long enter_namespace(void) { TRY(SYS_setns, 77, 0); }
static long trace_me(void) { TRY(SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL); }
static long trace_another(void) { TRY(SYS_ptrace, PTRACE_SEIZE, victim, NULL, NULL); }
static long read_another(void) {
  char byte;
  struct iovec here = {&byte, 1}, there = {&byte, 1};
  TRY(SYS_process_vm_readv, victim, &here, 1, &there, 1, 0);
}
static long write_another(void) {
  char byte = 0;
  struct iovec here = {&byte, 1}, there = {&byte, 1};
  TRY(SYS_process_vm_writev, victim, &here, 1, &there, 1, 0);
}
static long advise_another(void) { TRY(kProcessMadvise, 77, NULL, 0, 0, 0); }
static long compare_another(void) { TRY(SYS_kcmp, victim, victim, 0, 0, 0); }
static long move_pages(void) { TRY(SYS_move_pages, victim, 0, NULL, NULL, NULL, 0); }
static long robust_list_of_another(void) {
  void* head;
  size_t size;
  TRY(SYS_get_robust_list, victim, &head, &size);
}
static long limit_another(void) {
  struct rlimit limit;
  TRY(SYS_prlimit64, victim, RLIMIT_NOFILE, NULL, &limit);
}
static long limit_raised(void) {
  const struct rlimit limit = {0, 0};
  TRY(SYS_prlimit64, 0, RLIMIT_CORE, &limit, NULL);
}
static long limit_old(void) {
  const struct rlimit limit = {0, 0};
  TRY(SYS_setrlimit, RLIMIT_CORE, &limit);
}
static long map_executable(int prot, int flags, int descriptor) {
  const long page = real_syscall(SYS_mmap, NULL, 4096, prot, flags, descriptor, 0);
  return page == -1 ? errno : 0;
}
static long map_code(void) { return map_executable(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1); }
static long map_writable_code(void) {
  return map_executable(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}
static long map_shared_code(void) { return map_executable(PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1); }
static long map_writable_file_code(void) {
  // A file that can be mapped so, where it can be opened.
  const int fd = (int)real_syscall(SYS_openat, AT_FDCWD, file(), O_RDONLY, 0);
  return map_executable(PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, fd);
}
static long protect_code(void) {
  const long page = real_syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TRY(SYS_mprotect, page, 4096, PROT_READ | PROT_EXEC);
}
static long protect_key_code(void) {
  const long page = real_syscall(SYS_mmap, NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  TRY(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1);
}
static long attach_memory(void) { TRY(SYS_shmat, 12345, NULL, 0); }
static long get_memory(void) { TRY(SYS_shmget, 0 /* IPC_PRIVATE */, 4096, 0600); }
static long get_messages(void) { TRY(SYS_msgget, 0, 0600); }
static long get_semaphores(void) { TRY(SYS_semget, 0, 1, 0600); }
static long memory_file(void) { TRY(SYS_memfd_create, "x", 0); }
static long memory_secret(void) { TRY(kMemfdSecret, 0); }
static long persona(void) { TRY(SYS_personality, 0x0400000 /* READ_IMPLIES_EXEC */); }
static long lock_memory(void) { TRY(SYS_mlockall, 1); }
static long fault_memory(void) { TRY(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */); }
static long ring(void) {
  char parameters[256] = {0};
  TRY(425 /* io_uring_setup */, 1, parameters);
}
static long ring_enter(void) { TRY(426, 77, 0, 0, 0, NULL, 0); }
static long ring_register(void) { TRY(427, 77, 0, NULL, 0); }
static long old_ring(void) {
  unsigned long context = 0;
  TRY(SYS_io_setup, 1, &context);
}
static long extended_filter(void) {
  char attributes[128] = {0};
  TRY(SYS_bpf, 99, attributes, sizeof attributes);
}
static long performance(void) {
  char attributes[128] = {0};
  TRY(SYS_perf_event_open, attributes, -2, -1, 77, 0);
}
static long add_key(void) { TRY(SYS_add_key, "user", "x", "x", 1, -2); }
static long request_key(void) { TRY(SYS_request_key, "user", "x", NULL, 0); }
static long control_key(void) { TRY(SYS_keyctl, 0, -3, 1); }
static long look_up_cookie(void) { TRY(SYS_name_to_handle_at, AT_FDCWD, file(), NULL, NULL, 0); }
static long filter_again(void) { TRY(SYS_seccomp, 3 /* notification sizes */, 0, folder); }

// --- who it is ---

static long control_process(int option, unsigned long value) { TRY(SYS_prctl, option, value, 0, 0, 0); }
static long prctl_dumpable(void) { return control_process(PR_SET_DUMPABLE, 1); }
static long prctl_parent_death_off(void) { return control_process(PR_SET_PDEATHSIG, 0); }
static long prctl_parent_death_other(void) { return control_process(PR_SET_PDEATHSIG, SIGTERM); }
static long prctl_name(void) { return control_process(PR_SET_NAME, (unsigned long)"x"); }
static long prctl_tracer(void) { return control_process(PR_SET_PTRACER, (unsigned long)-1); }
static long prctl_reaper(void) { return control_process(PR_SET_CHILD_SUBREAPER, 1); }
static long prctl_keep_capabilities(void) { return control_process(PR_SET_KEEPCAPS, 1); }
static long prctl_seccomp(void) { return control_process(PR_GET_SECCOMP, 0); }
static long prctl_speculation(void) { return control_process(52 /* PR_GET_SPECULATION_CTRL */, 0); }
static long prctl_securebits(void) { return control_process(PR_GET_SECUREBITS, 0); }
static long user_same(void) { TRY(SYS_setuid, getuid()); }
static long user_root(void) { TRY(SYS_setresuid, 0, 0, 0); }
static long group_same(void) { TRY(SYS_setgid, getgid()); }
static long groups_none(void) { TRY(SYS_setgroups, 0, NULL); }
static long file_user(void) { TRY(SYS_setfsuid, getuid()); }
static long capabilities(void) { TRY(SYS_capset, NULL, NULL); }

// --- the machine ---

static long mount_there(void) { TRY(SYS_mount, "none", folder, "tmpfs", 0, NULL); }
static long unmount_there(void) { TRY(SYS_umount2, folder, 0); }
static long mount_newer(void) { TRY(kFsopen, "tmpfs", 0); }
static long mount_tree(void) { TRY(kOpenTree, 77, "", 0x1000); }
static long mount_attributes(void) { TRY(kMountSetattr, 77, "", 0, NULL, 0); }
static long change_root(void) { TRY(SYS_chroot, folder); }
static long set_clock(void) { TRY(SYS_clock_settime, 0, NULL); }
static long set_host_name(void) { TRY(SYS_sethostname, "x", 1); }
static long reboot(void) { TRY(SYS_reboot, 0, 0, 0, NULL); }
static long load_module(void) { TRY(SYS_init_module, NULL, 0, ""); }
static long read_kernel_log(void) { TRY(SYS_syslog, 2, NULL, 0); }
static long swap_on(void) { TRY(SYS_swapon, folder, 0); }
static long account(void) { TRY(SYS_acct, NULL); }
static long quota(void) { TRY(SYS_quotactl, 0, NULL, 0, NULL); }

#if defined(__x86_64__) && defined(__LP64__)
// The tables of 32-bit and of x32 programs, whose numbers mean other calls.
static long x32_socket(void) { TRY(0x40000000 | SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_MPTCP); }
static long x32_getpid(void) { TRY(0x40000000 | SYS_getpid); }
static sigjmp_buf fault_return;
static void fault(int signal_number) { siglongjmp(fault_return, signal_number); }
static long i386_getpid(void) {
  struct sigaction act = {.sa_handler = fault}, before;
  sigaction(SIGSEGV, &act, &before);
  long returned = -EPERM;  // a kernel without this table faults: nothing to get at
  if (sigsetjmp(fault_return, 1) == 0) {
    __asm__ volatile("int $0x80" : "=a"(returned) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
  }
  sigaction(SIGSEGV, &before, NULL);
  return (int)returned < 0 ? -(int)returned : 0;
}
#endif

enum {
  kNet = 1,         // refused to hostspin-net
  kAsk = 2,         // and to hostspin-ask
  kAnyway = 4,      // an unprivileged process is refused it without a sandbox, too, here or there
  kLandlock = 8,    // Landlock's to refuse, and so possible where the kernel has none
  kBoth = kNet | kAsk,
};

#define ROW(who, function) {#function, who, function}
static const struct Row {
  const char* name;
  int who;
  long (*attempt)(void);
} kRows[] = {
    ROW(kBoth | kLandlock, connect_plainly),
    ROW(kBoth, socket_mptcp), ROW(kBoth, socket_mptcp6), ROW(kBoth, socket_mptcp_odd),
    ROW(kBoth, socket_udplite), ROW(kBoth, socket_udplite6), ROW(kBoth, socket_sctp),
    ROW(kBoth, socket_sctp_packets), ROW(kBoth, socket_smc), ROW(kBoth, socket_dccp),
    ROW(kBoth, socket_l2tp), ROW(kBoth | kAnyway, socket_ping), ROW(kBoth | kAnyway, socket_raw),
    ROW(kBoth | kAnyway, socket_raw6), ROW(kBoth | kAnyway, socket_packet),
    ROW(kBoth | kAnyway, socket_packet_old), ROW(kBoth, socket_audit), ROW(kBoth, socket_uevent),
    ROW(kBoth, socket_diagnoses), ROW(kBoth, socket_generic), ROW(kAsk, socket_route),
    ROW(kBoth, socket_vsock), ROW(kBoth, socket_alg), ROW(kBoth | kAnyway, socket_key),
    ROW(kBoth | kAnyway, socket_bluetooth), ROW(kNet, socket_local),
    ROW(kBoth, socket_local_datagrams), ROW(kBoth, socket_local_packets),
    ROW(kBoth, pair_of_datagrams), ROW(kBoth, pair_of_datagrams_flagged),
    ROW(kBoth, pair_reconnected), ROW(kBoth, pair_of_packets), ROW(kBoth, bind_to_port),
    ROW(kBoth, bind_datagrams), ROW(kBoth, listen_anywhere), ROW(kBoth, accept_one),

    ROW(kBoth, sendto_fast_open), ROW(kBoth, sendto_fast_open_later),
    ROW(kBoth, sendto_fast_open_nowhere), ROW(kBoth, sendto_address), ROW(kBoth, sendmsg_fast_open),
    ROW(kBoth, sendmmsg_fast_open), ROW(kNet, sendmsg_address),
    ROW(kBoth, option_fast_open_connect), ROW(kBoth, option_fast_open),
    ROW(kBoth, option_congestion), ROW(kBoth, option_ulp), ROW(kBoth | kAnyway, option_repair),
    ROW(kBoth | kAnyway, option_mark), ROW(kBoth, option_priority), ROW(kBoth, option_reuse_address),
    ROW(kBoth, option_reuse_port), ROW(kBoth, option_broadcast), ROW(kBoth, option_dont_route),
    ROW(kBoth, option_device), ROW(kBoth, option_filter), ROW(kBoth, option_zero_copy),
    ROW(kBoth | kAnyway, option_transparent), ROW(kBoth, option_free_bind),
    ROW(kBoth, option_own_header), ROW(kBoth, option_source_route), ROW(kBoth, option_join_group),
    ROW(kBoth, option_address_form),

    ROW(kBoth, fcntl_set_owner), ROW(kBoth, fcntl_set_owner_ex), ROW(kBoth, fcntl_set_owner_odd),
    ROW(kBoth, fcntl_set_signal), ROW(kBoth, fcntl_async), ROW(kBoth, fcntl_async_too),
    ROW(kBoth | kAnyway, fcntl_direct), ROW(kBoth, fcntl_notify), ROW(kBoth | kAnyway, fcntl_lease),
    ROW(kBoth, fcntl_lock), ROW(kBoth, fcntl_pipe_size), ROW(kBoth | kAnyway, fcntl_seals),
    ROW(kBoth, flock_file), ROW(kBoth, ioctl_async), ROW(kBoth, ioctl_owner),
    ROW(kBoth, ioctl_group), ROW(kBoth, ioctl_group_odd), ROW(kBoth, ioctl_type),
    ROW(kBoth, ioctl_paste), ROW(kBoth, ioctl_controlling_terminal),
    ROW(kBoth | kAnyway, ioctl_set_flags), ROW(kBoth, ioctl_clone_file),
    ROW(kBoth, ioctl_list_interfaces),

    ROW(kBoth, signal_kill), ROW(kBoth, signal_kill_probe), ROW(kBoth, signal_kill_group),
    ROW(kBoth, signal_kill_all), ROW(kBoth, signal_tkill), ROW(kBoth, signal_tgkill),
    ROW(kBoth, signal_queue), ROW(kBoth, signal_queue_thread),
    ROW(kBoth, signal_pidfd_open), ROW(kBoth, signal_pidfd), ROW(kBoth, signal_through_proc),
    ROW(kBoth | kAnyway, pidfd_get_fd), ROW(kBoth | kAnyway, session_new), ROW(kBoth | kAnyway, group_of),
    ROW(kBoth, priority_of_another), ROW(kBoth, scheduler_of_another),
    ROW(kBoth, affinity_of_another), ROW(kBoth, io_priority_of_another),

    ROW(kBoth, open_writing), ROW(kBoth, open_both), ROW(kBoth, open_appending),
    ROW(kBoth, open_truncating), ROW(kBoth, open_reading_truncating), ROW(kBoth, open_creating),
    ROW(kBoth, open_creating_alone), ROW(kBoth, open_unnamed), ROW(kBoth, open_path),
    ROW(kBoth, open_odd), ROW(kBoth, open2_writing), ROW(kBoth, open2_reading),
    ROW(kBoth | kAnyway, open_by_handle), ROW(kBoth, truncate_path), ROW(kBoth, truncate_descriptor),
    ROW(kBoth, allocate), ROW(kBoth, write_at), ROW(kBoth, copy_range), ROW(kBoth, splice_pipe),
    ROW(kBoth, vmsplice_pipe), ROW(kBoth, send_file), ROW(kBoth, mode_at), ROW(kBoth, mode_at2),
    ROW(kBoth | kAnyway, mode_descriptor), ROW(kBoth, owner_at), ROW(kBoth | kAnyway, owner_descriptor),
    ROW(kBoth, attribute_set), ROW(kBoth, attribute_set_link), ROW(kBoth, attribute_set_descriptor),
    ROW(kBoth, attribute_set_at), ROW(kBoth, attribute_remove), ROW(kBoth, times_of),
    ROW(kBoth, link_at), ROW(kBoth, link_symbolic), ROW(kBoth, rename_at),
    ROW(kBoth, rename_exchange), ROW(kBoth, unlink_at), ROW(kBoth, unlink_folder),
    ROW(kBoth, make_folder), ROW(kBoth, make_pipe), ROW(kBoth, make_socket),
    ROW(kBoth, change_folder), ROW(kBoth, change_folder_descriptor), ROW(kBoth, change_mask),
    ROW(kBoth, watch_files), ROW(kBoth | kAnyway, watch_all_files), ROW(kBoth, sync_all),
    ROW(kBoth, message_queue),
#ifdef SYS_open
    ROW(kBoth, old_open), ROW(kBoth, old_open_creating), ROW(kBoth, old_creat), ROW(kBoth, old_chmod),
    ROW(kBoth, old_chown), ROW(kBoth, old_lchown), ROW(kBoth, old_link), ROW(kBoth, old_symlink),
    ROW(kBoth, old_rename), ROW(kBoth, old_unlink), ROW(kBoth, old_rmdir), ROW(kBoth, old_mkdir),
    ROW(kBoth, old_mknod), ROW(kBoth, old_utime), ROW(kBoth, old_fork), ROW(kBoth, old_vfork),
#endif

    ROW(kBoth, run_program), ROW(kBoth, run_descriptor), ROW(kBoth, clone_plain),
    ROW(kBoth, clone_silent), ROW(kBoth, clone_killing), ROW(kBoth, clone_sibling),
    ROW(kBoth, clone_files), ROW(kBoth | kAnyway, clone_user), ROW(kBoth | kAnyway, clone_user_forked),
    ROW(kBoth | kAnyway, clone_network), ROW(kBoth, clone_pidfd), ROW(kBoth, clone_thread),
    ROW(kBoth, clone_3), ROW(kBoth | kAnyway, new_user_namespace), ROW(kBoth, new_files_table),
    ROW(kBoth, enter_namespace), ROW(kBoth, trace_me), ROW(kBoth | kAnyway, trace_another),
    ROW(kBoth | kAnyway, read_another), ROW(kBoth | kAnyway, write_another),
    ROW(kBoth, advise_another), ROW(kBoth | kAnyway, compare_another), ROW(kBoth | kAnyway, move_pages),
    ROW(kBoth | kAnyway, robust_list_of_another), ROW(kBoth, limit_another), ROW(kBoth, limit_raised),
    ROW(kBoth, limit_old), ROW(kBoth, map_code), ROW(kBoth, map_writable_code),
    ROW(kBoth, map_shared_code), ROW(kBoth, map_writable_file_code), ROW(kBoth, protect_code),
    ROW(kBoth, protect_key_code), ROW(kBoth, attach_memory), ROW(kBoth, get_memory),
    ROW(kBoth, get_messages), ROW(kBoth, get_semaphores), ROW(kBoth, memory_file),
    ROW(kBoth, memory_secret), ROW(kBoth, persona), ROW(kBoth | kAnyway, lock_memory),
    ROW(kBoth | kAnyway, fault_memory), ROW(kBoth | kAnyway, ring), ROW(kBoth, ring_enter),
    ROW(kBoth, ring_register), ROW(kBoth, old_ring), ROW(kBoth | kAnyway, extended_filter),
    ROW(kBoth | kAnyway, performance), ROW(kBoth, add_key), ROW(kBoth, request_key),
    ROW(kBoth, control_key), ROW(kBoth, look_up_cookie), ROW(kBoth, filter_again),

    ROW(kBoth, prctl_dumpable), ROW(kBoth, prctl_parent_death_off),
    ROW(kBoth, prctl_parent_death_other), ROW(kBoth, prctl_name), ROW(kBoth, prctl_tracer),
    ROW(kBoth, prctl_reaper), ROW(kBoth, prctl_keep_capabilities), ROW(kBoth, prctl_seccomp),
    ROW(kBoth, prctl_speculation), ROW(kBoth, prctl_securebits), ROW(kBoth, user_same),
    ROW(kBoth | kAnyway, user_root), ROW(kBoth, group_same), ROW(kBoth | kAnyway, groups_none),
    ROW(kBoth, file_user), ROW(kBoth, capabilities),

    ROW(kBoth | kAnyway, mount_there), ROW(kBoth | kAnyway, unmount_there),
    ROW(kBoth | kAnyway, mount_newer), ROW(kBoth | kAnyway, mount_tree),
    ROW(kBoth | kAnyway, mount_attributes), ROW(kBoth | kAnyway, change_root),
    ROW(kBoth | kAnyway, set_clock), ROW(kBoth | kAnyway, set_host_name), ROW(kBoth | kAnyway, reboot),
    ROW(kBoth | kAnyway, load_module), ROW(kBoth | kAnyway, read_kernel_log),
    ROW(kBoth | kAnyway, swap_on), ROW(kBoth | kAnyway, account), ROW(kBoth | kAnyway, quota),
#if defined(__x86_64__) && defined(__LP64__)
    ROW(kBoth, x32_socket), ROW(kBoth, x32_getpid), ROW(kBoth | kAnyway, i386_getpid),
#endif
    ROW(kBoth, signal_tgkill_abort),  // last: outside it ends the victim
};

static void say(const char* where, const struct Row* row, long result) {
  char line[200];
  const int size = snprintf(line, sizeof line, "%s %s %d %ld\n", where, row->name, row->who, result);
  if (real_syscall(SYS_write, 2, line, (size_t)size) < 0) _exit(1);
}

__attribute__((unused)) static void attack(const char* where, int who) {
  for (size_t i = 0; i < sizeof kRows / sizeof kRows[0]; ++i) {
    if ((kRows[i].who & who) == 0) continue;
    errno = 0;
    say(where, &kRows[i], kRows[i].attempt());
  }
  if (real_syscall(SYS_write, 2, "done\n", 5) < 0) _exit(1);
}

#ifdef CONTROL

int main(void) {
  for (size_t i = 0; i < sizeof kRows / sizeof kRows[0]; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      errno = 0;
      say("outside", &kRows[i], kRows[i].attempt());
      _exit(0);
    }
    waitpid(child, NULL, 0);
  }
  return 0;
}

#else

// A kernel from before Landlock, or from when it knew less.
long syscall(long number, ...) {
  va_list list;
  long arguments[6];
  va_start(list, number);
  for (int i = 0; i < 6; ++i) arguments[i] = va_arg(list, long);
  va_end(list);
  find_real();
  if (landlock_abi >= 0 && number == 444 /* landlock_create_ruleset */) {
    if (landlock_abi > 0 && arguments[0] == 0) return landlock_abi;
    if (landlock_abi == 0) {
      errno = ENOSYS;
      return -1;
    }
  }
  return real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

static int requests_known;

ssize_t read(int fd, void* bytes, size_t size) {
  find_real();
  const ssize_t got = real_read(fd, bytes, size);
  if (fd == 0 && got == 0) requests_known = 1;
  return got;
}

// hostspin-net, which waits so: once its input has ended it knows its ports.
int epoll_wait(int epoll, struct epoll_event* events, int count, int wait_ms) {
  static int done;
  find_real();
  if (requests_known && !done) {
    done = 1;
    attack("net", kNet);
  }
  return real_epoll_wait(epoll, events, count, wait_ms);
}

// hostspin-ask, and below it a child of it, which is where bytes of the network are read.
int poll(struct pollfd* waited, nfds_t count, int wait_ms) {
  static int done;
  find_real();
  if (requests_known && !done && count > 1) {
    done = 1;
    attack("ask", kAsk);
  }
  return real_poll(waited, count, wait_ms);
}

int getaddrinfo(const char* name, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
  find_real();
  attack("child", kAsk);
  return real_getaddrinfo(name, service, hints, found);
}

#endif
