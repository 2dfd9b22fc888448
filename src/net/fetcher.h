#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "event_loop.h"
#include "hostspin/worker_lines.h"
#include "http_client.h"
#include "instance_credentials.h"
#include "tcp_connect.h"

namespace hostspin {

/// Asks sources, hedged: in the order of their priority, a new one every 250 ms or at once when one
/// fails, at most 8 at work. A source is one address and port under one host; what is asked of a
/// source that has been started goes out at once, so that its root and its manifest travel
/// together. An answer that a server gives while it restarts (5xx, 429, a cut connection) is asked
/// for once more, after a random moment: full jitter, so that a fleet does not come back at once.
class Fetcher {
 public:
  using Report = std::function<void(FetchResult)>;

  /// Nothing goes on after `deadline`.
  Fetcher(EventLoop& loop, HttpClient& http, SteadyTime deadline, Report report);
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;
  ~Fetcher();

  void ask(FetchRequest request);
  /// Answers whatever is still open; for the moment when the time is up.
  void give_up();
  [[nodiscard]] bool idle() const { return transfers_.empty() && waiting_.empty(); }
  /// The TCP ports that open requests still need.
  [[nodiscard]] std::set<std::uint16_t> ports() const;

 private:
  struct Transfer {
    FetchRequest request;
    std::string source;  // what the hedge counts
    HttpRequest http;
    SteadyTime started;
    std::unique_ptr<TcpConnect> connect;
    HttpClient::Ticket ticket = 0;
    int attempts = 0;
    EventLoop::Timer again;
  };
  using Number = std::uint64_t;

  void start_waiting();
  void start_source(const std::string& source);
  void start(std::unique_ptr<Transfer> transfer);
  void sign(Number number, const Result<InstanceKeys>& keys);
  void begin(Number number);
  void connect(Number number);
  void connected(Number number, Connected outcome);
  void replied(Number number, HttpReply reply);
  void finish(Number number, FetchResult result);
  bool try_again(Number number, const FetchResult& result);
  void schedule();

  EventLoop& loop_;
  HttpClient& http_;
  InstanceCredentials credentials_;
  const SteadyTime deadline_;
  const Report report_;
  std::deque<std::unique_ptr<Transfer>>
      waiting_;  // by priority, then in the order of their arrival
  std::map<Number, std::unique_ptr<Transfer>> transfers_;
  std::set<std::string> started_;
  Number number_ = 0;
  SteadyTime next_start_{};
  EventLoop::Timer timer_;
};

}  // namespace hostspin
