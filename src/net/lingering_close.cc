#include "lingering_close.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace hostspin {
namespace {

constexpr std::chrono::milliseconds kLimit{100};
constexpr std::size_t kSocketsMax = 512;
constexpr std::size_t kDrainBytesMax = 1U << 20U;

}  // namespace

LingeringClose::~LingeringClose() {
  while (!sockets_.empty()) finish(sockets_.begin()->first);
}

void LingeringClose::close(Descriptor socket) {
  const int fd = socket.get();
  if (fd < 0) return;
  if (sockets_.size() >= kSocketsMax || ::shutdown(fd, SHUT_WR) != 0)
    return;  // closed here and now
  Draining draining{
      std::move(socket), 0,
      loop_.at(std::chrono::steady_clock::now() + kLimit, [this, fd] { finish(fd); })};
  sockets_.insert_or_assign(fd, std::move(draining));
  if (!loop_.watch(fd, EPOLLIN | EPOLLRDHUP, [this, fd](std::uint32_t) { drain(fd); })) finish(fd);
}

void LingeringClose::drain(int fd) {
  Draining& draining = sockets_.at(fd);
  std::array<char, 16384> bytes;
  const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count > 0) draining.bytes += static_cast<std::size_t>(count);
  if (count <= 0 || draining.bytes > kDrainBytesMax) finish(fd);
}

void LingeringClose::finish(int fd) {
  const auto found = sockets_.find(fd);
  if (found == sockets_.end()) return;
  loop_.cancel(found->second.limit);
  loop_.close(found->second.socket);
  sockets_.erase(found);
  if (told_) told_();
}

}  // namespace hostspin
