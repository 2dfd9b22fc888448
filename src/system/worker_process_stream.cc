#include "worker_process_stream.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <limits>

#include "hostspin/worker_lines.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kPieceBytes = 64U << 10U;
/// Sent bytes are dropped from the queue's front when there are this many: seldom enough to be
/// cheap.
constexpr std::size_t kQueueTrimBytes = 1U << 20U;

/// For poll(), rounded up so that it never returns just before `limit` again and again.
int poll_time(steady_clock::time_point limit) {
  const auto left = std::chrono::ceil<milliseconds>(limit - steady_clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, std::numeric_limits<int>::max()));
}

}  // namespace

Error WorkerStream::fail(std::string detail) {
  if (!failure_) {
    connection_.kill_now();
    failure_ = Error{Errc::worker_failed, name_ + " " + std::move(detail)};
  }
  return *failure_;
}

Result<void> WorkerStream::send(std::string_view line) {
  if (failure_) return *failure_;
  if (finishing_) return {Errc::internal, "a request to " + name_ + " after the last one"};
  if (line.size() > kRequestLineBytesMax) {
    return {Errc::usage, "a request to " + name_ + " is " + std::to_string(line.size()) +
                             " bytes long, above " + std::to_string(kRequestLineBytesMax)};
  }
  if (queue_.size() - sent_ + line.size() > kWorkerQueuedBytesMax) {
    return fail("does not take its requests");
  }
  if (writing_over_) return {};  // it reads no more; its output tells why
  queue_.append(line);
  flush();
  return {};
}

Result<void> WorkerStream::finish() {
  if (failure_) return *failure_;
  finishing_ = true;
  flush();
  return {};
}

void WorkerStream::flush() {
  while (!writing_over_ && sent_ < queue_.size()) {
    const ssize_t size = ::send(connection_.write_fd(), queue_.data() + sent_,
                                queue_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size >= 0) {
      sent_ += static_cast<std::size_t>(size);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    // It reads no more. What it has written still counts, and its end says what happened.
    writing_over_ = true;
  }
  if (writing_over_ || sent_ == queue_.size()) {
    queue_.clear();
    sent_ = 0;
  } else if (sent_ > kQueueTrimBytes) {
    queue_.erase(0, sent_);
    sent_ = 0;
  }
  close_if_done();
}

void WorkerStream::close_if_done() {
  if (!finishing_ || writing_over_ || !queue_.empty()) return;
  connection_.close_writing();
  writing_over_ = true;
}

std::optional<std::string> WorkerStream::take_line() {
  const std::size_t end = input_.find('\n', searched_);
  if (end == std::string::npos) {
    // Only the beginning of a line is left: a piece is read once this is little.
    input_.erase(0, taken_);
    taken_ = 0;
    searched_ = input_.size();
    return std::nullopt;
  }
  std::string line = input_.substr(taken_, end - taken_);
  taken_ = end + 1;
  searched_ = taken_;
  return line;
}

Result<std::optional<std::string>> WorkerStream::next_line(steady_clock::time_point limit) {
  for (bool has_waited = false;; has_waited = true) {
    if (failure_) return *failure_;
    std::optional<std::string> line = take_line();
    // The limit is the line's with its LF.
    if ((line ? line->size() : input_.size()) >= kResultLineBytesMax) {
      return fail("sent a line above " + std::to_string(kResultLineBytesMax) + " bytes");
    }
    if (line) return line;
    if (input_over_) {
      if (input_.empty()) return std::optional<std::string>();
      return fail("stopped in the middle of a line: it " + connection_.await_exit());
    }
    // Judged by the clock, not by poll(): a worker that drips bytes escapes neither of the two.
    const steady_clock::time_point now = steady_clock::now();
    if (now >= stop_at_) return fail("was still running after its deadline");
    if (has_waited && now >= limit) return {Errc::timed_out, "no answer from " + name_ + " in time"};
    const Result<void> pumped = pump(limit);
    if (!pumped) return pumped.error();
  }
}

/// One wait, and what it brought.
Result<void> WorkerStream::pump(steady_clock::time_point limit) {
  const bool has_more = sent_ < queue_.size() && !writing_over_;
  std::array<pollfd, 2> waited = {pollfd{connection_.read_fd(), POLLIN, 0},
                                  pollfd{connection_.write_fd(), POLLOUT, 0}};
  const int ready = poll(waited.data(), has_more ? 2 : 1, poll_time(std::min(limit, stop_at_)));
  if (ready < 0) {
    if (errno == EINTR) return {};
    return fail(std::string("cannot be waited for: ") + strerror(errno));
  }
  if (has_more && waited[1].revents != 0) flush();
  return waited[0].revents != 0 ? receive() : Result<void>();
}

Result<void> WorkerStream::receive() {
  std::array<char, kPieceBytes> piece;
  const ssize_t size = recv(connection_.read_fd(), piece.data(), piece.size(), MSG_DONTWAIT);
  if (size < 0) {
    if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return {};
    // A reset: the worker died with requests unread.
    if (errno != ECONNRESET) return fail(std::string("cannot be read: ") + strerror(errno));
  }
  if (size <= 0) {
    input_over_ = true;
    return {};
  }
  received_ += static_cast<std::size_t>(size);
  if (received_ > kWorkerResultBytesMax) {
    return fail("sent more than " + std::to_string(kWorkerResultBytesMax) + " bytes");
  }
  input_.append(piece.data(), static_cast<std::size_t>(size));
  return {};
}

}  // namespace hostspin
