#include "close_watch.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr steady_clock::duration kShareMin = milliseconds(10);
constexpr std::size_t kBytesMax = 65536;  // whoever says that much has not closed

// Takes what the other side said out of the socket, and looks whether it ended there.
CloseWatch::Seen look(int fd) {
  std::size_t bytes = 0;
  while (bytes <= kBytesMax) {
    const ssize_t count = ::recv(fd, nullptr, kBytesMax, MSG_DONTWAIT | MSG_TRUNC);
    if (count == 0) return {true, 0};
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) break;
    if (count < 0) return {true, errno};
    bytes += static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace

CloseWatch::~CloseWatch() { loop_.cancel(due_); }

void CloseWatch::watch(Tag tag, Descriptor socket) {
  connections_.push_back({tag, std::move(socket), steady_clock::now()});
  if (due_.number == 0 || !has_room()) wait_for_oldest();
}

void CloseWatch::give_up() {
  loop_.cancel(due_);
  for (Connection& connection : std::exchange(connections_, {})) {
    (void)look(connection.socket.get());
    loop_.close(connection.socket);
  }
}

// One timer: what is older is due before.
void CloseWatch::wait_for_oldest() {
  loop_.cancel(due_);
  if (connections_.empty()) return;
  const SteadyTime when = connections_.front().since + (has_room() ? share_ : kShareMin);
  due_ = loop_.at(when, [this] { oldest_due(); });
}

void CloseWatch::oldest_due() {
  due_ = EventLoop::Timer{};
  const SteadyTime now = steady_clock::now();
  // What the crowd has left to the oldest is everybody's share.
  if (!has_room()) share_ = std::clamp(now - connections_.front().since, kShareMin, share_);
  std::size_t due = 0;
  while (due < connections_.size() && now >= connections_[due].since + share_) ++due;
  std::vector<std::pair<Tag, Seen>> found;
  found.reserve(due);
  for (; due > 0; --due) {
    Connection connection = std::move(connections_.front());
    connections_.pop_front();
    const Seen seen = look(connection.socket.get());
    if (seen.closed || share_ < kShareOfAll) {
      loop_.close(connection.socket);
    } else {
      lingering_.close(std::move(connection.socket));
    }
    found.emplace_back(connection.tag, seen);
  }
  for (const auto& [tag, seen] : found) done_(tag, seen);  // which may watch another one
  wait_for_oldest();
}

}  // namespace hostspin
