#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "event_loop.h"
#include "fetch_queue.h"
#include "hostspin/worker_lines.h"
#include "http_client.h"
#include "instance_credentials.h"
#include "tcp_connect.h"

namespace hostspin {

/// Asks sources, each when the queue says so. An answer that a server gives while it restarts (5xx,
/// 429, a cut connection) is asked for once more, after a random moment: full jitter, so that a
/// fleet does not come back at once.
class Fetcher {
 public:
  using Report = std::function<void(FetchResult)>;
  using Asked = std::function<void(std::uint32_t id)>;

  /// Nothing goes on after `deadline`. `asked` is told of each request that goes out at once.
  Fetcher(EventLoop& loop, HttpClient& http, SteadyTime deadline, Report report, Asked asked);
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;
  ~Fetcher();

  void ask(FetchRequest request);
  /// Answers whatever is still open; for the moment when the time is up.
  void give_up();
  [[nodiscard]] bool idle() const { return transfers_.empty(); }
  /// The TCP ports that open requests still need.
  [[nodiscard]] std::set<std::uint16_t> ports() const;

 private:
  struct Transfer {
    FetchRequest request;
    HttpRequest http;
    std::optional<SteadyTime> started;
    std::unique_ptr<TcpConnect> connect;
    HttpClient::Ticket ticket = 0;
    int attempts = 0;
    EventLoop::Timer again;
  };
  using Number = FetchQueue::Number;

  void start_waiting();
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
  const Asked asked_;
  FetchQueue queue_;
  std::map<Number, std::unique_ptr<Transfer>> transfers_;  // those that wait among them
  Number number_ = 0;
  EventLoop::Timer timer_;
};

}  // namespace hostspin
