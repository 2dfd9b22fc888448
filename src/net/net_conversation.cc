#include "net_conversation.h"

#include "kept_out.h"
#include "sandbox.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// A parent sends its start line at once.
constexpr milliseconds kStartLimit{60000};
// After the last line: for a slow reader, and for sockets that still linger.
constexpr milliseconds kFlushLimit{2000};
constexpr milliseconds kLingerLimit{100};

}  // namespace

NetConversation::NetConversation(EventLoop& loop, int input, int output,
                                 std::vector<std::string> notices)
    : loop_(loop),
      stream_(loop, input, output, kRequestLineBytesMax,
              {[this](std::string_view line) { take_line(line); }, [this] { input_ended(); },
               [this] {
                 stop({Errc::worker_failed, "a request line of more than " +
                                                std::to_string(kRequestLineBytesMax) + " bytes"});
               },
               [this] { gone_ = true; }}),
      lingering_(loop),
      turns_(loop) {
  for (std::string& notice : notices) stream_.write(encode(WorkerNotice{std::move(notice)}));
  deadline_ = loop_.at(steady_clock::now() + kStartLimit, [this] {
    stop({Errc::worker_failed, "no start line in " + std::to_string(kStartLimit.count()) + " ms"});
  });
}

NetConversation::~NetConversation() { loop_.cancel(deadline_); }

Result<void> NetConversation::run() {
  const auto finished = [this] { return !input_open_ && idle(); };
  while (outcome_ && !gone_ && !time_up_ && !finished()) loop_.run_once();
  if (outcome_ && !gone_) say_goodbye();
  return std::move(outcome_);
}

bool NetConversation::idle() const {
  return (fetcher_ == nullptr || fetcher_->idle()) && (prober_ == nullptr || prober_->idle());
}

void NetConversation::take_line(std::string_view line) {
  if (!outcome_ || time_up_) return;
  if (Result<void> taken = take_request(line); !taken) stop(std::move(taken).error());
}

Result<void> NetConversation::take_request(std::string_view line) {
  Result<NetRequest> request = decode_net_request(line);
  if (!request) return std::move(request).error();
  if (request->start) {
    if (trust_ != nullptr) return {Errc::worker_failed, "a second start line"};
    return begin(*std::move(request->start));
  }
  if (trust_ == nullptr) return {Errc::worker_failed, "a request before the start line"};
  if (++requests_ > kWorkerRequestsMax) {
    return {Errc::worker_failed,
            "more than " + std::to_string(kWorkerRequestsMax) + " requests in a session"};
  }
  if (request->fetch) take(*std::move(request->fetch));
  if (request->probe) take(*std::move(request->probe));
  return {};
}

void NetConversation::take(FetchRequest request) {
  if (const std::optional<FetchResult> refusal = keep_out(request); refusal) {
    return stream_.write(encode(*refusal));
  }
  fetcher_->ask(std::move(request));
}

void NetConversation::take(ProbeRequest request) {
  if (const std::optional<ProbeResult> refusal = keep_out(request); refusal) {
    return stream_.write(encode(*refusal));
  }
  prober_->ask(std::move(request));
}

Result<void> NetConversation::begin(SessionStart start) {
  start_ = std::move(start);
  const SteadyTime deadline = steady_clock::now() + start_.deadline;
  loop_.cancel(deadline_);
  deadline_ = loop_.at(deadline, [this] { time_up(); });
  trust_ = std::make_unique<TlsTrust>(start_);
  Result<std::unique_ptr<HttpClient>> http = HttpClient::make(loop_, *trust_, lingering_, turns_);
  if (!http) return std::move(http).error();
  http_ = *std::move(http);
  fetcher_ = std::make_unique<Fetcher>(
      loop_, *http_, deadline, [this](const FetchResult& result) { stream_.write(encode(result)); },
      [this](std::uint32_t id) { stream_.write(encode(WorkerAsked{id})); });
  prober_ = std::make_unique<Prober>(
      ProbeContext{loop_, *trust_, *http_, lingering_, turns_, start_.tcp_limit,
                   start_.handshake_limit},
      probe_room(), [this](const ProbeResult& result) { stream_.write(encode(result)); });
  return {};
}

void NetConversation::input_ended() {
  input_open_ = false;
  if (trust_ == nullptr) return stop({Errc::worker_failed, "the input ended before a start line"});
  // Only now is it known which ports there will be. What is asked for goes on as before, so a
  // kernel without the rule loses only this last fence.
  std::set<std::uint16_t> ports = fetcher_->ports();
  ports.merge(prober_->ports());
  (void)restrict_ports(ports);
}

void NetConversation::time_up() {
  time_up_ = true;
  fetcher_->give_up();
  prober_->give_up();
}

void NetConversation::stop(Error error) {
  if (outcome_) outcome_ = std::move(error);
}

void NetConversation::say_goodbye() {
  stream_.write(encode(WorkerEnd{}));
  bool late = false;
  EventLoop::Timer flush = loop_.at(steady_clock::now() + kFlushLimit, [&late] { late = true; });
  while (!gone_ && !late && stream_.pending_bytes() > 0) loop_.run_once();
  loop_.cancel(flush);
  late = false;
  EventLoop::Timer linger = loop_.at(steady_clock::now() + kLingerLimit, [&late] { late = true; });
  while (!gone_ && !late && !lingering_.idle()) loop_.run_once();
  loop_.cancel(linger);
}

}  // namespace hostspin
