#include "dns_servers.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr std::size_t kResolvConfBytesMax = 65536;
constexpr std::uint16_t kDnsPort = 53;
constexpr std::size_t kHeaderBytes = 12;

std::string read_resolv_conf() {
  std::string text(kResolvConfBytesMax, '\0');
  const int fd = open(kResolvConf, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  const ssize_t size = read(fd, text.data(), text.size());
  (void)close(fd);  // read only: nothing can be lost
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

/// A socket that takes datagrams of that server alone; -1 where it cannot be reached at all.
int connect_to(const IPAddress& address) {
  sockaddr_storage storage = {};
  socklen_t size = sizeof(sockaddr_in);
  if (address.is_v6()) {
    sockaddr_in6 v6 = {};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(kDnsPort);
    memcpy(&v6.sin6_addr, address.bytes().data(), sizeof(v6.sin6_addr));
    memcpy(&storage, &v6, sizeof(v6));
    size = sizeof(v6);
  } else {
    sockaddr_in v4 = {};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(kDnsPort);
    memcpy(&v4.sin_addr, address.bytes().data(), sizeof(v4.sin_addr));
    memcpy(&storage, &v4, sizeof(v4));
  }
  const int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0) return fd;
  (void)close(fd);
  return -1;
}

}  // namespace

std::vector<IPAddress> parse_dns_servers(std::string_view resolv_conf) {
  constexpr std::string_view kKeyword = "nameserver";
  constexpr std::string_view kBlank = " \t";
  std::vector<IPAddress> servers;
  while (!resolv_conf.empty() && servers.size() < kDnsServersMax) {
    const std::size_t end = std::min(resolv_conf.find('\n'), resolv_conf.size());
    std::string_view line = resolv_conf.substr(0, end);
    resolv_conf.remove_prefix(std::min(end + 1, resolv_conf.size()));
    if (!line.starts_with(kKeyword)) continue;
    line.remove_prefix(kKeyword.size());
    const std::size_t first = line.find_first_not_of(kBlank);
    if (first == 0 || first == std::string_view::npos) continue;
    line.remove_prefix(first);
    Result<IPAddress> address = IPAddress::parse(line.substr(0, line.find_first_of(" \t\r")));
    if (address) servers.push_back(*address);
  }
  return servers;
}

std::string dns_question(std::uint16_t id, const HostName& name) {
  std::string question;
  const auto put = [&](std::uint16_t number) {
    question += static_cast<char>(number >> 8U);
    question += static_cast<char>(number & 0xffU);
  };
  put(id);
  put(0x0100);  // a query, recursion desired
  put(1);       // one question
  for (int section = 0; section < 3; ++section) put(0);
  std::string_view rest = name.text();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('.'), rest.size());
    question += static_cast<char>(end);
    question += rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  question += '\0';
  put(1);  // A
  put(1);  // IN
  return question;
}

DnsServer::State judge_dns_answer(std::string_view datagram, std::uint16_t id) {
  constexpr unsigned kResponse = 0x80;
  constexpr unsigned kCodeMask = 0x0f;
  constexpr unsigned kNoError = 0;
  constexpr unsigned kNameError = 3;
  if (datagram.size() < kHeaderBytes) return DnsServer::State::silent;
  const auto byte = [&](std::size_t place) {
    return static_cast<unsigned>(static_cast<unsigned char>(datagram[place]));
  };
  if ((byte(0) << 8U | byte(1)) != id || (byte(2) & kResponse) == 0) {
    return DnsServer::State::silent;
  }
  const unsigned code = byte(3) & kCodeMask;
  return code == kNoError || code == kNameError ? DnsServer::State::answers
                                                : DnsServer::State::error;
}

std::vector<DnsServer> ask_dns_servers(const HostName& name) {
  std::vector<DnsServer> servers;
  for (const IPAddress& address : parse_dns_servers(read_resolv_conf())) {
    servers.push_back({address, DnsServer::State::silent});
  }
  std::uint16_t id = 0;
  // Not by libc's function, which is younger (2.25) than what this program starts on.
  if (syscall(SYS_getrandom, &id, sizeof(id), 0) != ssize_t{sizeof(id)}) return servers;
  const std::string question = dns_question(id, name);
  std::vector<pollfd> waited;  // an fd below zero is waited for no more
  for (const DnsServer& server : servers) {
    const int fd = connect_to(server.address);
    const bool sent = fd >= 0 && send(fd, question.data(), question.size(), MSG_NOSIGNAL) >= 0;
    waited.push_back({sent ? fd : -1, POLLIN, 0});
  }
  const steady_clock::time_point limit = steady_clock::now() + kDnsServerLimit;
  const auto open = [](const pollfd& one) { return one.fd >= 0; };
  while (std::any_of(waited.begin(), waited.end(), open)) {
    const auto left = std::chrono::ceil<milliseconds>(limit - steady_clock::now()).count();
    if (left <= 0 || poll(waited.data(), waited.size(), static_cast<int>(left)) <= 0) break;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      if (waited[i].fd < 0 || waited[i].revents == 0) continue;
      std::array<char, 512> datagram;
      const ssize_t size = recv(waited[i].fd, datagram.data(), datagram.size(), 0);
      if (size < 0 && errno == EAGAIN) continue;
      const std::string_view bytes(datagram.data(),
                                   static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      servers[i].state = judge_dns_answer(bytes, id);
      // What is not the answer leaves the real one to come; an error such as ICMP's ends the wait.
      if (size < 0 || servers[i].state != DnsServer::State::silent) waited[i].fd = -1;
    }
  }
  return servers;  // the process ends with this answer, and its sockets with it
}

}  // namespace hostspin
