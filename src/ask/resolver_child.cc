#include "resolver_child.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dns_servers.h"
#ifdef __GLIBC__
#include <nss.h>
#endif

#include <algorithm>
#include <array>
#include <set>
#include <type_traits>

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr int kAnswerFd = 1;
constexpr int kFirstForeignFd = 3;
constexpr int kForeignFdMax = 1024;  ///< above the sandbox's limit on open files

/// What a child writes, in one piece: a pipe takes up to PIPE_BUF bytes whole or not at all.
struct ChildAnswer {
  std::uint32_t status;
  std::uint32_t count;
  std::uint32_t are_servers;  ///< whether the addresses are the DNS servers themselves
  struct Address {
    std::uint8_t is_v6;
    std::uint8_t server_state;  ///< of a DNS server
    std::array<std::uint8_t, 16> bytes;
  };
  std::array<Address, kAnswerAddressesMax> addresses;
};
static_assert(std::is_trivially_copyable_v<ChildAnswer> && sizeof(ChildAnswer) <= 4096);

std::optional<IPAddress> address_of(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4;
    memcpy(&v4, address, sizeof(v4));
    std::array<std::uint8_t, 4> bytes;
    memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return IPAddress::from_bytes(bytes.data(), false);
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6;
    memcpy(&v6, address, sizeof(v6));
    return IPAddress::from_bytes(v6.sin6_addr.s6_addr, true);
  }
  return std::nullopt;
}

/// Whether the resolver of this process will ask `database` and nothing else.
bool choose_database(AskRequest::Database database) {
  if (database == AskRequest::Database::system) return true;
#ifdef __GLIBC__
  // It turns nscd off for this process as well.
  const char* const service = database == AskRequest::Database::files ? "files" : "dns";
  return __nss_configure_lookup("hosts", service) == 0;
#else
  return false;
#endif
}

int family_of(AskRequest::Family family) {
  switch (family) {
    case AskRequest::Family::any:
      return AF_UNSPEC;
    case AskRequest::Family::inet:
      return AF_INET;
    case AskRequest::Family::inet6:
      return AF_INET6;
  }
  return AF_UNSPEC;
}

ChildAnswer ask_servers(const AskRequest& request) {
  ChildAnswer answer = {};
  const std::vector<DnsServer> servers = ask_dns_servers(request.name);
  answer.are_servers = 1;
  answer.status = static_cast<std::uint32_t>(servers.empty() ? AskResult::Status::not_found
                                                             : AskResult::Status::found);
  for (const DnsServer& server : servers) {
    answer.addresses[answer.count++] = {std::uint8_t{server.address.is_v6()},
                                        static_cast<std::uint8_t>(server.state),
                                        server.address.bytes()};
  }
  return answer;
}

ChildAnswer resolve(const AskRequest& request) {
  if (request.database == AskRequest::Database::servers) return ask_servers(request);
  ChildAnswer answer = {};
  answer.status = static_cast<std::uint32_t>(AskResult::Status::failed);
  if (!choose_database(request.database)) return answer;
  addrinfo hints = {};
  hints.ai_family = family_of(request.family);
  hints.ai_socktype = SOCK_STREAM;  // else each address comes three times
  addrinfo* found = nullptr;
  const int code = getaddrinfo(request.name.text().c_str(), nullptr, &hints, &found);
  answer.status = static_cast<std::uint32_t>(status_of_getaddrinfo(code));
  std::set<IPAddress> addresses;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const std::optional<IPAddress> address = address_of(one->ai_addr);
    if (address) addresses.insert(*address);
  }
  for (const IPAddress& address : addresses) {
    if (answer.count == kAnswerAddressesMax) break;
    answer.addresses[answer.count++] = {std::uint8_t{address.is_v6()}, 0, address.bytes()};
  }
  return answer;
}

void close_foreign_fds() {
#ifdef SYS_close_range
  if (syscall(SYS_close_range, unsigned{kFirstForeignFd}, ~0U, 0U) == 0) return;
#endif
  for (int fd = kFirstForeignFd; fd < kForeignFdMax; ++fd) (void)close(fd);
}

/// A process that no signal of ours reaches, whatever an NSS module blocks: the kernel ends it.
/// Later than its parent gives up, so that the parent sees a question that hangs, and not one that
/// failed. The calls are the kernel's: libc's have been in libc itself only since 2.34.
bool end_by_timer() {
  constexpr milliseconds kLater{250};
  sigevent end = {};
  end.sigev_notify = SIGEV_SIGNAL;
  end.sigev_signo = SIGKILL;
  int timer = 0;  // what the kernel calls timer_t
  if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &end, &timer) != 0) return false;
  constexpr milliseconds kWhen = kQuestionLimit + kLater;
  itimerspec when = {};
  when.it_value.tv_sec = kWhen.count() / 1000;
  when.it_value.tv_nsec = kWhen.count() % 1000 * 1000000;
  return syscall(SYS_timer_settime, timer, 0, &when, nullptr) == 0;
}

[[noreturn]] void run_child(const AskRequest& request, int answer_fd, pid_t parent) {
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent || !end_by_timer()) _exit(1);
  // The streams to our parent's parent are not the child's: an NSS module may print.
  if (dup2(answer_fd, kAnswerFd) < 0) _exit(1);
  (void)close(0);
  close_foreign_fds();
  const ChildAnswer answer = resolve(request);
  const ssize_t size = write(kAnswerFd, &answer, sizeof(answer));
  _exit(size == ssize_t{sizeof(answer)} ? 0 : 1);
}

}  // namespace

AskResult::Status status_of_getaddrinfo(int code) {
  switch (code) {
    case 0:
      return AskResult::Status::found;
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
      return AskResult::Status::not_found;
    default:
      return AskResult::Status::failed;
  }
}

AskResult decode_child_answer(std::uint32_t id, std::string_view bytes) {
  AskResult result;
  result.id = id;
  ChildAnswer answer;
  if (bytes.size() != sizeof(answer)) return result;
  memcpy(&answer, bytes.data(), sizeof(answer));
  const auto found = static_cast<std::uint32_t>(AskResult::Status::found);
  const auto not_found = static_cast<std::uint32_t>(AskResult::Status::not_found);
  if (answer.count > kAnswerAddressesMax) return result;
  if ((answer.status == found) != (answer.count != 0)) return result;
  for (std::size_t i = 0; i < answer.count; ++i) {
    const ChildAnswer::Address& one = answer.addresses[i];
    if (one.is_v6 > 1) return result;
    const IPAddress address = IPAddress::from_bytes(one.bytes.data(), one.is_v6 == 1);
    if (answer.are_servers == 0) {
      result.addresses.push_back(address);
    } else if (one.server_state <= static_cast<std::uint8_t>(DnsServer::State::silent)) {
      result.servers.push_back({address, static_cast<DnsServer::State>(one.server_state)});
    } else {
      return AskResult{id, AskResult::Status::failed, {}, {}, {}};
    }
  }
  if (answer.status == found) result.status = AskResult::Status::found;
  if (answer.status == not_found) result.status = AskResult::Status::not_found;
  return result;
}

Result<ResolverChild> ResolverChild::start(const AskRequest& request) {
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return {Errc::internal, std::string("cannot make a pipe: ") + strerror(errno)};
  }
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) run_child(request, ends[1], parent);
  const int fork_errno = errno;
  (void)close(ends[1]);
  if (child < 0) {
    (void)close(ends[0]);
    return {Errc::internal, std::string("cannot fork: ") + strerror(fork_errno)};
  }
  return ResolverChild(request.id, child, ends[0]);
}

AskResult ResolverChild::collect() {
  std::array<char, sizeof(ChildAnswer) + 1> bytes;
  ssize_t size = 0;
  do {
    size = read(fd_, bytes.data(), bytes.size());
  } while (size < 0 && errno == EINTR);
  AskResult result = decode_child_answer(
      id_, {bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))});
  const AskResult plain = answer(result.status);
  result.elapsed = plain.elapsed;
  return result;
}

AskResult ResolverChild::abandon(AskResult::Status status) { return answer(status); }

/// What is left of the child ends by itself; reap() takes it off the process table.
AskResult ResolverChild::answer(AskResult::Status status) {
  (void)close(std::exchange(fd_, -1));
  AskResult result;
  result.id = id_;
  result.status = status;
  result.elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin_);
  return result;
}

bool ResolverChild::reap() const { return waitpid(child_, nullptr, WNOHANG) != 0; }

}  // namespace hostspin
