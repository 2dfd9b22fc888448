#include "fetcher.h"

#include <sys/random.h>

#include <algorithm>
#include <array>

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFileLimit{30000};  // hostspin-trust(7): one file, however long the cycle
constexpr milliseconds kConnectLimit{1500};
constexpr milliseconds kHandshakeLimit{1500};
// A transfer ends this much before the session does, so that its own cause is told, not the
// session's.
constexpr milliseconds kLastWords{20};
// A source that would have less time than this was not tried, whatever became of it.
constexpr milliseconds kWorthTrying{50};
constexpr int kAttemptsMax = 2;
constexpr milliseconds kRetryWithin{400};

milliseconds since(SteadyTime start) {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start);
}

FetchResult failed(std::uint32_t id, std::string_view reason, std::string detail) {
  FetchResult result;
  result.id = id;
  result.reason = reason;
  result.detail = std::move(detail);
  return result;
}

// SHA-256 of no bytes: a GET has no body.
constexpr std::string_view kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

bool is_header_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// SigV4 is spoken for https, so that the session's token stays a secret, and for keys whose
// canonical form libcurl computes as S3 does.
Result<void> check_s3(const FetchRequest& request, const Url& url) {
  const auto only = [](std::string_view text, std::string_view more) {
    return std::all_of(text.begin(), text.end(), [more](char c) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      return plain || more.find(c) != std::string_view::npos;
    });
  };
  if (!url.tls) return {Errc::fetch_failed, "S3 is asked over https alone"};
  if (!only(request.s3_region, "-")) return {Errc::fetch_failed, "a bad S3 region"};
  const std::size_t path = url.text.find('/', std::string_view("https://").size());
  if (!only(std::string_view(url.text).substr(path), "/_.-ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    return {Errc::fetch_failed, "an S3 key with other bytes than A-Z a-z 0-9 / _ . -"};
  }
  return {};
}

// The request as HTTP, or why it cannot be one.
Result<HttpRequest> to_http(const FetchRequest& request) {
  Result<Url> url = parse_url(request.url);
  if (!url) return std::move(url).error();
  if (url->literal && request.address && *url->literal != *request.address) {
    return {Errc::fetch_failed, "the URL's address and the one to connect to differ"};
  }
  const std::optional<IPAddress> origin = url->literal ? url->literal : request.address;
  if (!origin) return {Errc::fetch_failed, "a URL with a name, and no address for it"};

  if (!request.s3_region.empty()) {
    if (Result<void> s3 = check_s3(request, *url); !s3) return std::move(s3).error();
  }
  const IPEndpoint target{*origin, url->port};
  HttpRequest http(*std::move(url), target);
  if (!request.proxy.empty()) {
    Result<IPEndpoint> proxy = parse_proxy(request.proxy);
    if (!proxy) return std::move(proxy).error();
    http.peer = *proxy;
    http.through = target;
  }
  http.ca = request.ca;
  http.without_ca = Verdict::tls_ca;
  http.pins = request.pins;
  http.client_certificate = request.client_certificate;
  http.client_key = request.client_key;
  if (!request.etag.empty()) http.headers.push_back("If-None-Match: " + request.etag);
  http.body_bytes_max = request.body_bytes_max;
  http.only_body_of_200 = true;
  http.handshake_limit = kHandshakeLimit;
  return http;
}

std::string server_of(const HttpRequest& http) {
  const IPEndpoint& origin = http.through ? *http.through : http.peer;
  std::string server =
      http.url.host + ' ' + origin.address.to_string() + ' ' + std::to_string(origin.port);
  if (http.through) {
    server += ' ' + http.peer.address.to_string() + ' ' + std::to_string(http.peer.port);
  }
  return server;
}

/// What is told of a source that took too long; libcurl's words name neither side.
std::string slowness(const HttpReply& reply, milliseconds taken) {
  const std::string time = std::to_string(taken.count() / 1000) + "." +
                           std::to_string(taken.count() % 1000 / 100) + " s";
  if (reply.headers_complete) {
    return "too slow: " + std::to_string(reply.body.size()) + " bytes of the document in " + time;
  }
  return reply.reason == "slow" ? "too slow: no whole answer in " + time
                                : "did not answer in " + time;
}

FetchResult judge(const FetchRequest& request, HttpReply reply, milliseconds taken) {
  FetchResult result;
  result.id = request.id;
  result.status = reply.status;
  result.outcome = FetchOutcome::failed;
  if (!reply.reason.empty()) {
    const bool late = reply.reason == "slow" || reply.reason == verdict_name(Verdict::http_timeout);
    result.detail = late ? slowness(reply, taken) : std::move(reply.detail);
    result.reason = std::move(reply.reason);
    return result;
  }
  if (reply.status == 200) {
    result.outcome = FetchOutcome::ok;
    result.body = std::move(reply.body);
    if (is_header_value(reply.etag)) result.etag = std::move(reply.etag);
    return result;
  }
  if (reply.status == 304 && !request.etag.empty()) {
    result.outcome = FetchOutcome::not_modified;
    return result;
  }
  if (reply.status == 404 || reply.status == 410 || reply.status == 403) {
    result.outcome = FetchOutcome::not_found;
    return result;
  }
  const bool redirect = reply.status >= 300 && reply.status < 400 && reply.status != 304;
  result.reason = redirect ? "redirect" : std::string(verdict_name(Verdict::http_status));
  result.detail = redirect ? "redirects to " + quoted(reply.location)
                           : "answers with status " + std::to_string(reply.status);
  return result;
}

// What a server says while it restarts, or has too much to do.
bool is_passing(const FetchResult& result) {
  constexpr int kTooManyRequests = 429;
  if (result.outcome != FetchOutcome::failed) return false;
  return result.reason == verdict_name(Verdict::reset) || result.status == kTooManyRequests ||
         (result.status >= 500 && result.reason == verdict_name(Verdict::http_status));
}

milliseconds random_up_to(milliseconds most) {
  std::uint32_t number = 0;
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != ssize_t{sizeof number}) return most;
  return milliseconds(number % static_cast<std::uint32_t>(most.count()));
}

}  // namespace

Fetcher::Fetcher(EventLoop& loop, HttpClient& http, SteadyTime deadline, Report report, Asked asked)
    : loop_(loop),
      http_(http),
      credentials_(loop, http),
      deadline_(deadline),
      report_(std::move(report)),
      asked_(std::move(asked)) {}

Fetcher::~Fetcher() {
  loop_.cancel(timer_);
  for (const auto& [number, transfer] : transfers_) {
    loop_.cancel(transfer->again);
    http_.cancel(transfer->ticket);
  }
}

void Fetcher::ask(FetchRequest request) {
  Result<HttpRequest> http = to_http(request);
  if (!http) return report_(failed(request.id, "protocol", http.error().detail));
  const Number number = ++number_;
  queue_.add({number, request.source, server_of(*http), request.priority, request.at_once});
  if (request.at_once) asked_(request.id);
  transfers_.emplace(number, std::make_unique<Transfer>(Transfer{
                                 std::move(request), *std::move(http), {}, nullptr, 0, 0, {}}));
  schedule();
}

void Fetcher::schedule() {
  loop_.cancel(timer_);
  const std::optional<SteadyTime> next = queue_.next(steady_clock::now());
  // Never from within ask(): the lines that arrive together are sorted before the first one starts.
  if (next) timer_ = loop_.at(*next, [this] { start_waiting(); });
}

void Fetcher::start_waiting() {
  const SteadyTime now = steady_clock::now();
  if (deadline_ - now < kWorthTrying) return;
  for (const Number number : queue_.take(now)) {
    transfers_.at(number)->started = now;
    begin(number);
  }
  schedule();
}

void Fetcher::begin(Number number) {
  if (transfers_.at(number)->request.s3_region.empty()) return connect(number);
  credentials_.get([this, number](const Result<InstanceKeys>& keys) { sign(number, keys); });
}

void Fetcher::sign(Number number, const Result<InstanceKeys>& keys) {
  const auto found = transfers_.find(number);
  if (found == transfers_.end()) return;  // given up meanwhile
  const FetchRequest& request = found->second->request;
  if (!keys) {
    return finish(number, failed(request.id, verdict_name(Verdict::internal), keys.error().detail));
  }
  HttpRequest& http = found->second->http;
  http.aws = AwsSigning{request.s3_region, keys->id, keys->secret};
  // libcurl signs these two but does not add them itself.
  http.headers.push_back("x-amz-content-sha256: " + std::string(kEmptySha256));
  http.headers.push_back("x-amz-security-token: " + keys->token);
  connect(number);
}

void Fetcher::connect(Number number) {
  Transfer& transfer = *transfers_.at(number);
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline_ - kLastWords - steady_clock::now());
  transfer.connect = std::make_unique<TcpConnect>(
      loop_, transfer.http.peer.address, transfer.http.peer.port,
      std::clamp(left, milliseconds(1), kConnectLimit),
      [this, number](Connected outcome) { connected(number, std::move(outcome)); });
}

void Fetcher::connected(Number number, Connected outcome) {
  Transfer& transfer = *transfers_.at(number);
  transfer.connect.reset();
  if (outcome.verdict != Verdict::ok) {
    return finish(number, failed(transfer.request.id, verdict_name(outcome.verdict),
                                 std::move(outcome.detail)));
  }
  const auto left =
      std::chrono::duration_cast<milliseconds>(deadline_ - kLastWords - steady_clock::now());
  transfer.http.limit = std::min(left, kFileLimit - since(*transfer.started));
  transfer.ticket =
      http_.start(std::move(transfer.http), std::move(outcome.socket),
                  [this, number](HttpReply reply) { replied(number, std::move(reply)); });
}

void Fetcher::replied(Number number, HttpReply reply) {
  const Transfer& transfer = *transfers_.at(number);
  FetchResult result = judge(transfer.request, std::move(reply), since(*transfer.started));
  if (!try_again(number, result)) finish(number, std::move(result));
}

bool Fetcher::try_again(Number number, const FetchResult& result) {
  Transfer& transfer = *transfers_.at(number);
  const milliseconds pause = random_up_to(kRetryWithin);
  const bool in_time = steady_clock::now() + pause + kWorthTrying + kLastWords < deadline_;
  if (!is_passing(result) || !in_time || ++transfer.attempts >= kAttemptsMax) return false;
  Result<HttpRequest> http = to_http(transfer.request);
  if (!http) return false;
  transfer.http = *std::move(http);
  transfer.ticket = 0;
  transfer.again = loop_.at(steady_clock::now() + pause, [this, number] { begin(number); });
  queue_.hurry(number);
  schedule();
  return true;
}

void Fetcher::finish(Number number, FetchResult result) {
  const auto node = transfers_.extract(number);
  result.elapsed = since(*node.mapped()->started);
  queue_.end(number, result.outcome == FetchOutcome::failed);
  report_(std::move(result));
  schedule();
}

void Fetcher::give_up() {
  loop_.cancel(timer_);
  std::map<Number, std::unique_ptr<Transfer>> open = std::move(transfers_);
  transfers_.clear();
  for (const auto& [number, transfer] : open) {
    loop_.cancel(transfer->again);
    if (!transfer->started) {
      report_(failed(transfer->request.id, verdict_name(Verdict::not_tried),
                     "the time was up before it was tried"));
      continue;
    }
    http_.cancel(transfer->ticket);
    const Verdict verdict = transfer->ticket == 0 ? Verdict::tcp_timeout : Verdict::http_timeout;
    FetchResult result = failed(transfer->request.id, verdict_name(verdict),
                                "cut off by the end of the time for all sources");
    result.elapsed = since(*transfer->started);
    report_(std::move(result));
  }
}

std::set<std::uint16_t> Fetcher::ports() const {
  std::set<std::uint16_t> ports;
  const auto add = [&ports](const Transfer& transfer) {
    ports.insert(transfer.http.peer.port);
    if (!transfer.request.s3_region.empty()) ports.insert(InstanceCredentials::kPort);
  };
  for (const auto& [number, transfer] : transfers_) add(*transfer);  // it may be tried again
  return ports;
}

}  // namespace hostspin
