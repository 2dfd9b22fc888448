#include "http_client.h"

#include <curl/curl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "http_transfer.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

class CurlClient final : public HttpClient {
 public:
  CurlClient(EventLoop& loop, TlsTrust& trust, LingeringClose& lingering, Turns& turns)
      : loop_(loop),
        trust_(trust),
        lingering_(lingering),
        turns_(turns),
        multi_(curl_multi_init()) {}

  ~CurlClient() override {
    while (!transfers_.empty()) cancel(transfers_.begin()->first);
    multi_.reset();  // closes what is left, by on_close()
    loop_.cancel(timer_);
  }

  bool set_up() {
    return multi_ != nullptr &&
           curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this) == CURLM_OK &&
           curl_multi_setopt(multi_.get(), CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this) == CURLM_OK &&
           curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING}) == CURLM_OK;
  }

  Ticket start(HttpRequest request, Descriptor socket, Done done) override {
    const Ticket ticket = ++ticket_;
    auto fresh = std::make_unique<HttpTransfer>(std::move(request), std::move(done));
    HttpTransfer& transfer = *transfers_.emplace(ticket, std::move(fresh)).first->second;
    transfer.started = steady_clock::now();
    transfer.connection = std::move(socket);
    start_now(ticket);
    return ticket;
  }

  void cancel(Ticket ticket) override {
    const auto found = transfers_.find(ticket);
    if (found == transfers_.end()) return;
    HttpTransfer& transfer = *found->second;
    loop_.cancel(transfer.refused);
    if (transfer.easy) (void)curl_multi_remove_handle(multi_.get(), transfer.easy.get());
    transfers_.erase(found);
  }

 private:
  /// Where this machine has no room for what it takes, it is tried again as long as it may last.
  void start_now(Ticket ticket) {
    HttpTransfer& transfer = *transfers_.at(ticket);
    transfer.refused = EventLoop::Timer{};
    Result<void> begun = begin(transfer);
    if (begun) return;
    const Errc code = begun.error().code;
    const SteadyTime next = steady_clock::now() + kShortagePause;
    if (code == Errc::busy && next < transfer.started + transfer.request.limit) {
      transfer.refused = loop_.at(next, [this, ticket] { start_now(ticket); });
      return;
    }
    refuse(ticket, transfer,
           code == Errc::bad_config ? transfer.request.without_ca
           : code == Errc::busy     ? Verdict::local_limit
                                    : Verdict::internal,
           std::move(begun.error().detail));
  }

  /// What could not begin ends with the loop's next lap.
  void refuse(Ticket ticket, HttpTransfer& transfer, Verdict verdict, std::string detail) {
    transfer.reply.reason = verdict_name(verdict);
    transfer.reply.detail = std::move(detail);
    transfer.refused = loop_.soon([this, ticket] {
      const auto node = transfers_.extract(ticket);
      node.mapped()->done(std::move(node.mapped()->reply));
    });
  }

  Result<void> begin(HttpTransfer& transfer) {
    if (!leads_to_peer(transfer.connection, transfer.request)) {
      return {Errc::internal, "connected to another address than the one asked"};
    }
    Result<std::unique_ptr<Pump>> pump =
        Pump::make(loop_, turns_, lingering_, transfer.connection, bytes_max_of(transfer.request));
    if (!pump) return std::move(pump).error();
    transfer.pump = *std::move(pump);
    Result<void> ready = set_up_transfer(transfer, trust_, on_close, this);
    if (!ready) return ready;
    if (curl_multi_add_handle(multi_.get(), transfer.easy.get()) == CURLM_OK) return {};
    transfer.easy.reset();
    return {Errc::internal, "libcurl takes no more handles"};
  }

  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* argument, void*) noexcept {
    CurlClient& client = *static_cast<CurlClient*>(argument);
    if (what == CURL_POLL_REMOVE) {
      client.loop_.unwatch(fd);
      return 0;
    }
    if (HttpTransfer* transfer = client.find(easy)) {
      transfer->writes = (what & CURL_POLL_OUT) != 0;
      hold_back(*transfer, transfer->writes);
    }
    const std::uint32_t events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    (void)client.loop_.watch(fd, events, [&client, easy, fd](std::uint32_t ready) {
      const int bits = ((ready & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((ready & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                       ((ready & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
      if (HttpTransfer* transfer = client.find(easy)) hold_back(*transfer, true);
      client.act(fd, bits);  // after which it may be gone, and its socket with it
      if (HttpTransfer* left = client.find(easy)) hold_back(*left, left->writes);
    });
    return 0;
  }

  static int on_close(void* argument, curl_socket_t fd) noexcept {
    const Descriptor closed(fd);
    for (const auto& [ticket, transfer] : static_cast<CurlClient*>(argument)->transfers_) {
      if (transfer->pump != nullptr && transfer->pump->serves(fd)) transfer->pump->finish();
    }
    return 0;
  }

  static int on_timer(CURLM*, long after_ms, void* argument) noexcept {
    CurlClient& client = *static_cast<CurlClient*>(argument);
    client.loop_.cancel(client.timer_);
    if (after_ms < 0) return 0;
    client.timer_ = client.loop_.at(steady_clock::now() + milliseconds(after_ms),
                                    [&client] { client.act(CURL_SOCKET_TIMEOUT, 0); });
    return 0;
  }

  void act(curl_socket_t fd, int bits) {
    int running = 0;
    (void)curl_multi_socket_action(multi_.get(), fd, bits, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      CURL* easy = message->easy_handle;  // the message is gone with the next call
      finish(easy, code);
    }
  }

  HttpTransfer* find(const CURL* easy) {
    const auto found = position(easy);
    return found == transfers_.end() ? nullptr : found->second.get();
  }

  void finish(CURL* easy, CURLcode code) {
    const auto found = position(easy);
    if (found == transfers_.end()) return;
    HttpReply reply = judge_transfer(*found->second, code);
    (void)curl_multi_remove_handle(multi_.get(), easy);  // which may close its socket
    const auto node = transfers_.extract(found);
    HttpTransfer& transfer = *node.mapped();
    transfer.done(std::move(reply));
  }

  using Transfers = std::map<Ticket, std::unique_ptr<HttpTransfer>>;
  Transfers::iterator position(const CURL* easy) {
    return std::find_if(transfers_.begin(), transfers_.end(),
                        [easy](const auto& entry) { return entry.second->easy.get() == easy; });
  }

  EventLoop& loop_;
  TlsTrust& trust_;
  LingeringClose& lingering_;
  Turns& turns_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  EventLoop::Timer timer_;
  Ticket ticket_ = 0;
  Transfers transfers_;
};

}  // namespace

Result<std::unique_ptr<HttpClient>> HttpClient::make(EventLoop& loop, TlsTrust& trust,
                                                     LingeringClose& lingering, Turns& turns) {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  auto client = std::make_unique<CurlClient>(loop, trust, lingering, turns);
  if (initialised != CURLE_OK || !client->set_up()) {
    return {Errc::internal, "libcurl cannot be set up"};
  }
  return std::unique_ptr<HttpClient>(std::move(client));
}

}  // namespace hostspin
