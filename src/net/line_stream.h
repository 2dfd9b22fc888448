#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "event_loop.h"

namespace hostspin {

/// The worker's standard input and output as lines: two pipes, or one socket twice. Never blocks on
/// a pipe or socket, never changes their flags (they may be shared with a terminal's owner).
class LineStream {
 public:
  struct Events {
    std::function<void(std::string_view line)> line;  ///< without its LF
    std::function<void()> end;                        ///< no more lines will come
    std::function<void()> too_long;  ///< a line above the limit; nothing more is read
    std::function<void()> gone;      ///< the reader of our lines has gone away
  };

  LineStream(EventLoop& loop, int input, int output, std::size_t line_bytes_max, Events events);
  LineStream(const LineStream&) = delete;
  LineStream& operator=(const LineStream&) = delete;
  ~LineStream();

  /// Goes out with the end of this turn of the loop.
  void write(std::string_view line);
  [[nodiscard]] std::size_t pending_bytes() const { return pending_.size() - written_; }

 private:
  void read_some();
  void take(std::string_view bytes);
  void stop_reading();
  void flush();
  void lose_reader();

  EventLoop& loop_;
  const int input_;
  const int output_;
  const std::size_t line_bytes_max_;
  const Events events_;
  std::string partial_;
  bool reading_ = true;
  bool gone_ = false;
  std::string pending_;
  std::size_t written_ = 0;  // of pending_
  bool waiting_ = false;     // for room
  EventLoop::Timer read_again_;
  EventLoop::Timer flush_soon_;
};

}  // namespace hostspin
