#include "line_stream.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace hostspin {
namespace {

constexpr std::size_t kReadBytes = 65536;
// What a pipe that poll(2) calls writable takes without blocking (POSIX: PIPE_BUF).
constexpr std::size_t kPipeWriteBytes = 4096;

bool has_room(int fd) {
  pollfd output{fd, POLLOUT, 0};
  return ::poll(&output, 1, 0) > 0;
}

ssize_t write_some(int fd, std::string_view bytes) {
  const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0 || errno != ENOTSOCK) return sent;
  if (!has_room(fd)) {
    errno = EAGAIN;
    return -1;
  }
  return ::write(fd, bytes.data(), std::min(bytes.size(), kPipeWriteBytes));
}

}  // namespace

LineStream::LineStream(EventLoop& loop, int input, int output, std::size_t line_bytes_max,
                       Events events)
    : loop_(loop),
      input_(input),
      output_(output),
      line_bytes_max_(line_bytes_max),
      events_(std::move(events)) {
  if (!loop_.watch(input_, EPOLLIN, [this](std::uint32_t) { read_some(); })) {
    read_again_ = loop_.soon([this] { read_some(); });  // a file: always ready
  }
  // Without a bit of ours epoll still tells of errors: the reader's death.
  (void)loop_.watch(output_, 0, [this](std::uint32_t) { lose_reader(); });
}

LineStream::~LineStream() {
  loop_.cancel(read_again_);
  loop_.cancel(flush_soon_);
  loop_.unwatch(input_);
  loop_.unwatch(output_);
}

void LineStream::read_some() {
  const bool file = read_again_.number != 0;
  std::array<char, kReadBytes> bytes;
  const ssize_t size = ::read(input_, bytes.data(), bytes.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size > 0) {
    take({bytes.data(), static_cast<std::size_t>(size)});
    if (reading_ && file) read_again_ = loop_.soon([this] { read_some(); });
    return;
  }
  stop_reading();
  if (size < 0) return lose_reader();
  if (!partial_.empty()) events_.line(std::exchange(partial_, {}));
  events_.end();
}

void LineStream::take(std::string_view bytes) {
  while (!bytes.empty() && reading_) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (partial_.size() + piece.size() > line_bytes_max_) {
      stop_reading();
      return events_.too_long();
    }
    if (end == std::string_view::npos) {
      partial_ += piece;
      return;
    }
    bytes.remove_prefix(end + 1);
    if (partial_.empty()) {
      events_.line(piece);
      continue;
    }
    partial_ += piece;
    events_.line(std::exchange(partial_, {}));
  }
}

void LineStream::stop_reading() {
  reading_ = false;
  loop_.cancel(read_again_);
  loop_.unwatch(input_);
}

void LineStream::write(std::string_view line) {
  if (gone_) return;
  pending_ += line;
  if (!waiting_ && flush_soon_.number == 0) flush_soon_ = loop_.soon([this] { flush(); });
}

void LineStream::flush() {
  flush_soon_ = EventLoop::Timer{};
  while (pending_bytes() > 0) {
    const ssize_t size = write_some(output_, std::string_view(pending_).substr(written_));
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) return lose_reader();
    written_ += static_cast<std::size_t>(size);
  }
  pending_.erase(0, written_);
  written_ = 0;
  if (waiting_ == !pending_.empty()) return;
  waiting_ = !pending_.empty();
  (void)loop_.watch(output_, waiting_ ? EPOLLOUT : 0U, [this](std::uint32_t events) {
    if ((events & (EPOLLERR | EPOLLHUP)) != 0) return lose_reader();
    flush();
  });
}

void LineStream::lose_reader() {
  if (std::exchange(gone_, true)) return;
  pending_.clear();
  written_ = 0;
  loop_.unwatch(output_);
  events_.gone();
}

}  // namespace hostspin
