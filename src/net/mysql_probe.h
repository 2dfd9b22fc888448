#pragma once

#include <functional>
#include <string>

#include "descriptor.h"
#include "event_loop.h"
#include "hostspin/worker_lines.h"
#include "mysql_handshake.h"

namespace hostspin {

/// One MySQL login on a connected socket, to its end, and COM_QUIT where it succeeds.
class MysqlProbe {
 public:
  struct Outcome {
    Verdict verdict = Verdict::mysql_bad;
    int error_number = 0;
    std::string detail;
    Descriptor socket;  ///< to be closed gently
  };
  using Done = std::function<void(Outcome)>;

  /// `done` is called once, never from within the constructor, and may destroy this.
  MysqlProbe(EventLoop& loop, const std::string& user, Descriptor socket,
             std::chrono::milliseconds limit, Done done);
  MysqlProbe(const MysqlProbe&) = delete;
  MysqlProbe& operator=(const MysqlProbe&) = delete;
  ~MysqlProbe();

 private:
  void receive();
  void fail(int error_number);
  void finish(Verdict verdict, std::string detail);

  EventLoop& loop_;
  const std::chrono::milliseconds limit_;
  MysqlHandshake handshake_;
  Descriptor socket_;
  Done done_;
  Outcome outcome_;
  EventLoop::Timer end_;
};

}  // namespace hostspin
