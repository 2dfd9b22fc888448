#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event_loop.h"
#include "fetcher.h"
#include "hostspin/worker_lines.h"
#include "http_client.h"
#include "line_stream.h"
#include "lingering_close.h"
#include "prober.h"
#include "tls_trust.h"

namespace hostspin {

/// One conversation with the parent, from its start line to {"end":true}.
class NetConversation {
 public:
  /// `notices` are told first.
  NetConversation(EventLoop& loop, int input, int output, std::vector<std::string> notices);
  NetConversation(const NetConversation&) = delete;
  NetConversation& operator=(const NetConversation&) = delete;
  ~NetConversation();

  /// Until everything is answered, the time is up or the parent is gone. An error is the parent's
  /// breach of the protocol, or this machine's refusal to serve.
  Result<void> run();

 private:
  void take_line(std::string_view line);
  Result<void> take_request(std::string_view line);
  void take(FetchRequest request);
  void take(ProbeRequest request);
  Result<void> begin(SessionStart start);
  void input_ended();
  void time_up();
  void stop(Error error);
  [[nodiscard]] bool idle() const;
  void say_goodbye();

  EventLoop& loop_;
  LineStream stream_;
  LingeringClose lingering_;
  Turns turns_;
  SessionStart start_;
  std::unique_ptr<TlsTrust> trust_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<Fetcher> fetcher_;
  std::unique_ptr<Prober> prober_;
  EventLoop::Timer deadline_;
  std::size_t requests_ = 0;
  bool input_open_ = true;
  bool time_up_ = false;
  bool gone_ = false;
  Result<void> outcome_;
};

}  // namespace hostspin
