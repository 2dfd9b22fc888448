#include "close_watch.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr steady_clock::duration kShareMin = milliseconds(10);
constexpr steady_clock::duration kClosingLimit = milliseconds(100);
constexpr std::size_t kBytesMax = 65536;  // whoever says that much has not closed

}  // namespace

CloseWatch::~CloseWatch() {
  loop_.cancel(due_);
  for (const Connection& connection : connections_) loop_.unwatch(connection.socket.get());
}

void CloseWatch::watch(Tag tag, Descriptor socket) {
  const Number number = end();
  const int fd = socket.get();
  connections_.push_back({tag, std::move(socket), steady_clock::now()});
  ++watched_;
  ++open_;
  // What cannot be watched is found there when it is due.
  (void)loop_.watch(fd, EPOLLIN | EPOLLRDHUP, [this, number](std::uint32_t) { ready(number); });
  if (due_.number == 0 || !has_room()) wait_for_oldest();
}

void CloseWatch::ready(Number number) {
  Connection& connection = at(number);
  std::array<char, 4096> bytes;
  const ssize_t count = ::recv(connection.socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  const int error_number = count < 0 ? errno : 0;
  if (count > 0) connection.bytes += static_cast<std::size_t>(count);
  const bool is_over = count <= 0 || connection.bytes > kBytesMax;
  if (!is_over) return;
  const bool is_watched = number >= first_watched_;
  drop(number);
  if (is_watched) report(number, {count <= 0, error_number});
}

// One timer: what is older is due before.
void CloseWatch::wait_for_oldest() {
  loop_.cancel(due_);
  SteadyTime when = SteadyTime::max();
  if (first_ < first_watched_) when = at(first_).since + kClosingLimit;
  if (first_watched_ < end()) {
    when = std::min(when, at(first_watched_).since + (has_room() ? share_ : kShareMin));
  }
  if (when != SteadyTime::max()) due_ = loop_.at(when, [this] { oldest_due(); });
}

void CloseWatch::oldest_due() {
  due_ = EventLoop::Timer{};
  const SteadyTime now = steady_clock::now();
  while (first_watched_ < end() && !at(first_watched_).socket) ++first_watched_;
  // What the crowd has left to the oldest is everybody's share.
  if (!has_room() && first_watched_ < end()) {
    share_ = std::clamp(now - at(first_watched_).since, kShareMin, share_);
  }
  while (first_watched_ < end() && now >= at(first_watched_).since + share_) {
    const Number number = first_watched_++;
    if (!at(number).socket) continue;  // it was closed, and told so
    begin_to_close(number);
    report(number, {});
  }
  while (first_ < first_watched_ &&
         (!at(first_).socket || now >= at(first_).since + kClosingLimit)) {
    drop(first_);
    connections_.pop_front();
    ++first_;
  }
  wait_for_oldest();
}

// Half of it; what the other side still says is read, so that it sees no reset.
void CloseWatch::begin_to_close(Number number) {
  Connection& connection = at(number);
  connection.since = steady_clock::now();
  if (::shutdown(connection.socket.get(), SHUT_WR) != 0) drop(number);
}

void CloseWatch::drop(Number number) {
  Descriptor& socket = at(number).socket;
  if (!socket) return;
  loop_.close(socket);
  --open_;
}

void CloseWatch::report(Number number, Seen seen) {
  --watched_;
  done_(at(number).tag, seen);  // which may watch another one
}

}  // namespace hostspin
