#include "prober.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "grpc_check.h"
#include "http_check.h"
#include "route_facts.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kWindowMax = 256;
constexpr std::size_t kAcceptedMax = 512;
constexpr std::size_t kShareOfAccepted = 4;  // a quarter of the files
constexpr milliseconds kRetryTimeMin{50};
constexpr rlim_t kFilesKept = 32;  // for the stream, epoll, libcurl itself, and netlink
// Four sockets to connect, or a connection, a pump's pair and what keeps libcurl waiting.
constexpr std::size_t kFilesPerProbe = 4;

void judge_close(CloseWatch::Seen seen, ProbeResult& result) {
  if (!seen.closed) return;
  result.verdict = Verdict::closed_at_once;
  result.error_number = seen.error_number;
  result.detail = seen.error_number == 0 ? "" : strerror(seen.error_number);
}

}  // namespace

// Whoever uses more than that, a fetch say, has a probe wait for a descriptor, and nothing worse.
ProbeRoom probe_room() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= kFilesKept) return {};
  const std::size_t left = std::min<rlim_t>(files.rlim_cur - kFilesKept, 1U << 20U);
  return {std::clamp<std::size_t>(left / kFilesPerProbe, 1, kWindowMax), left,
          std::clamp<std::size_t>(left / kShareOfAccepted, 1, kAcceptedMax)};
}

Prober::Prober(ProbeContext context, ProbeRoom room, Report report)
    : context_(context),
      room_(room),
      report_(std::move(report)),
      close_watch_(context_.loop, context_.lingering, room_.accepted,
                   [this](Number number, CloseWatch::Seen seen) { watched(number, seen); }) {
  context_.lingering.when_fewer([this] {
    if (waiting_.empty() || roomier_.number != 0) return;
    roomier_ = context_.loop.soon([this] {
      roomier_ = EventLoop::Timer{};
      start_waiting();
    });
  });
}

Prober::~Prober() {
  context_.lingering.when_fewer({});
  context_.loop.cancel(roomier_);
  for (const auto& [number, probe] : probes_) context_.http.cancel(probe->ticket);
}

void Prober::ask(ProbeRequest request) {
  waiting_.push_back(std::move(request));
  start_waiting();
}

bool Prober::has_room() const {
  if (probes_.empty()) return true;
  const std::size_t under_way = probes_.size() - accepted_;
  const std::size_t files =
      kFilesPerProbe * (under_way + 1) + close_watch_.count() + context_.lingering.count();
  return under_way < room_.probes && files <= room_.files;
}

void Prober::start_waiting() {
  while (!waiting_.empty() && has_room()) {
    ProbeRequest request = std::move(waiting_.front());
    waiting_.pop_front();
    start(std::move(request));
  }
}

void Prober::start(ProbeRequest request) {
  const Number number = ++number_;
  ProbeResult result;
  result.id = request.id;
  if (request.check.kind == CheckKind::unsupported) {
    result.verdict = Verdict::unsupported;
    return report_(std::move(result));
  }
  auto probe = std::make_unique<Probe>(std::move(request), std::move(result));
  Probe& entry = *probes_.emplace(number, std::move(probe)).first->second;
  if (entry.request.check.kind == CheckKind::ntp) {
    entry.ntp = std::make_unique<NtpProbe>(context_.loop, entry.request.address,
                                           entry.request.check.port, context_.handshake_limit,
                                           [this, number](NtpProbe::Outcome outcome) {
                                             Probe& asked = *probes_.at(number);
                                             asked.result.verdict = outcome.verdict;
                                             asked.result.error_number = outcome.error_number;
                                             asked.result.detail = std::move(outcome.detail);
                                             finish(number);
                                           });
    return;
  }
  start_connect(number, entry);
}

void Prober::start_connect(Number number, Probe& probe) {
  probe.connect = std::make_unique<TcpConnect>(
      context_.loop, probe.request.address, probe.request.check.port, context_.tcp_limit,
      [this, number](Connected outcome) { connected(number, std::move(outcome)); });
}

void Prober::connected(Number number, Connected outcome) {
  Probe& probe = *probes_.at(number);
  probe.connect.reset();
  probe.result.verdict = outcome.verdict;
  probe.result.error_number = outcome.error_number;
  probe.result.rtt_us = outcome.rtt_us;
  probe.result.detail = std::move(outcome.detail);
  if (outcome.verdict != Verdict::ok) return explain_failure(number, probe);
  // What was reset before anybody could look had been accepted all the same.
  if (outcome.error_number != 0 && probe.request.check.kind == CheckKind::tcp) {
    judge_close({true, outcome.error_number}, probe.result);
    return finish(number);
  }
  switch (probe.request.check.kind) {
    case CheckKind::tcp:
      return accepted(number, std::move(outcome.socket));
    case CheckKind::tls:
      return start_tls(number, probe, std::move(outcome.socket));
    case CheckKind::mysql:
      return start_mysql(number, probe, std::move(outcome.socket));
    case CheckKind::https:
    case CheckKind::http:
    case CheckKind::grpc:
      return start_http(number, probe, std::move(outcome.socket));
    case CheckKind::ntp:          // has no connection
    case CheckKind::unsupported:  // is not tried
      return finish(number);
  }
}

// Its attempt is over, and makes room for the next one.
void Prober::accepted(Number number, Descriptor socket) {
  if (!close_watch_.has_room()) {
    held_back_.emplace_back(number, std::move(socket));
    return;
  }
  Probe& probe = *probes_.at(number);
  probe.is_accepted = true;
  probe.result.elapsed =
      std::chrono::duration_cast<milliseconds>(steady_clock::now() - probe.started);
  ++accepted_;
  close_watch_.watch(number, std::move(socket));
  start_waiting();
}

void Prober::watched(Number number, CloseWatch::Seen seen) {
  const auto found = probes_.find(number);
  if (found == probes_.end()) return;  // the time was up
  judge_close(seen, found->second->result);
  --accepted_;
  if (!held_back_.empty()) {
    const Number next = held_back_.front().first;
    Descriptor socket = std::move(held_back_.front().second);
    held_back_.pop_front();
    accepted(next, std::move(socket));
  }
  finish(number);
}

void Prober::start_tls(Number number, Probe& probe, Descriptor socket) {
  probe.tls = std::make_unique<TlsProbe>(
      context_.loop, context_.turns, context_.trust, probe.request.check, std::move(socket),
      context_.handshake_limit, [this, number](TlsProbe::Outcome tls) {
        Probe& asked = *probes_.at(number);
        asked.result.verdict = tls.verdict;
        asked.result.error_number = tls.error_number;
        asked.result.days_left = tls.days_left;
        asked.result.detail = std::move(tls.detail);
        context_.lingering.close(std::move(tls.socket));
        explain_handshake(number, asked);
      });
}

void Prober::start_mysql(Number number, Probe& probe, Descriptor socket) {
  probe.mysql = std::make_unique<MysqlProbe>(context_.loop, probe.request.check.user,
                                             std::move(socket), context_.handshake_limit,
                                             [this, number](MysqlProbe::Outcome mysql) {
                                               Probe& asked = *probes_.at(number);
                                               asked.result.verdict = mysql.verdict;
                                               asked.result.error_number = mysql.error_number;
                                               asked.result.detail = std::move(mysql.detail);
                                               context_.lingering.close(std::move(mysql.socket));
                                               finish(number);
                                             });
}

// The kernel gives up a dead next hop only after three seconds, long after our limit, but tells at
// once that it still waits for one.
void Prober::explain_failure(Number number, Probe& probe) {
  ProbeResult& result = probe.result;
  const bool unanswered =
      result.verdict == Verdict::tcp_timeout || result.verdict == Verdict::unreachable;
  if (!unanswered && !probe.request.explain) return finish(number);
  const std::optional<RouteFacts> route = route_to(probe.request.address);
  if (unanswered && route && route->neighbour == RouteFacts::Neighbour::unanswered) {
    result.verdict = Verdict::next_hop_dead;
  }
  if (!probe.request.explain) return finish(number);
  if (route) result.detail += "; " + route->text();
  if (!unanswered) return finish(number);
  probe.icmp =
      std::make_unique<IcmpQuestion>(context_.loop, probe.request.address, probe.request.check.port,
                                     [this, number](const std::string& learnt) {
                                       if (!learnt.empty())
                                         probes_.at(number)->result.detail += "; " + learnt;
                                       finish(number);
                                     });
}

// The commonest cause of a handshake that never ends, where connecting works.
void Prober::explain_handshake(Number number, Probe& probe) {
  if (!probe.request.explain || probe.result.verdict != Verdict::tls_timeout) {
    return finish(number);
  }
  if (const std::optional<RouteFacts> route = route_to(probe.request.address); route) {
    probe.result.detail += "; " + route->text();
  }
  probe.mtu =
      std::make_unique<MtuQuestion>(context_.loop, probe.request.address, probe.request.check.port,
                                    [this, number](const std::string& learnt) {
                                      if (!learnt.empty())
                                        probes_.at(number)->result.detail += "; " + learnt;
                                      finish(number);
                                    });
}

void Prober::start_http(Number number, Probe& probe, Descriptor socket) {
  if (!probe.retried) probe.asked = steady_clock::now();
  const milliseconds limit = http_time_left(probe);
  Result<HttpRequest> request = http_request_of(probe.request.check, probe.request.address, limit);
  if (!request) {
    probe.result.verdict = Verdict::internal;
    probe.result.detail = request.error().detail;
    return finish(number);
  }
  probe.ticket =
      context_.http.start(*std::move(request), std::move(socket),
                          [this, number](const HttpReply& reply) { http_done(number, reply); });
}

milliseconds Prober::http_time_left(const Probe& probe) const {
  const auto spent = std::chrono::duration_cast<milliseconds>(steady_clock::now() - probe.asked);
  return std::max(context_.handshake_limit - spent, milliseconds(0));
}

// A server that stops, or that has had a connection for long enough, ends it at any moment, and
// that says nothing of the next one.
void Prober::http_done(Number number, const HttpReply& reply) {
  Probe& probe = *probes_.at(number);
  const bool silent = probe.request.check.kind == CheckKind::grpc && is_grpc_ended(reply) &&
                      !judge_grpc_answer(reply);
  if (silent && !probe.retried && http_time_left(probe) >= kRetryTimeMin) {
    probe.retried = true;
    probe.ticket = 0;
    return start_connect(number, probe);
  }
  judge_http_reply(probe.request.check, reply, probe.result);
  explain_handshake(number, probe);
}

void Prober::finish(Number number) {
  const auto node = probes_.extract(number);
  ProbeResult& result = node.mapped()->result;
  if (!node.mapped()->is_accepted) {
    result.elapsed =
        std::chrono::duration_cast<milliseconds>(steady_clock::now() - node.mapped()->started);
  }
  report_(std::move(result));
  start_waiting();
}

void Prober::give_up() {
  const std::deque<ProbeRequest> waiting = std::exchange(waiting_, {});
  const std::map<Number, std::unique_ptr<Probe>> open = std::exchange(probes_, {});
  held_back_.clear();
  close_watch_.give_up();
  accepted_ = 0;
  for (const auto& [number, probe] : open) {
    if (probe->is_accepted) {
      report_(std::move(probe->result));
      continue;
    }
    context_.http.cancel(probe->ticket);
    ProbeResult result;
    result.id = probe->request.id;
    result.detail = "the time was up in the middle of the attempt";
    result.elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - probe->started);
    report_(std::move(result));
  }
  for (const ProbeRequest& request : waiting) {
    ProbeResult result;
    result.id = request.id;
    report_(std::move(result));
  }
}

std::set<std::uint16_t> Prober::ports() const {
  std::set<std::uint16_t> ports;
  for (const ProbeRequest& request : waiting_) ports.insert(request.check.port);
  for (const auto& [number, probe] : probes_) ports.insert(probe->request.check.port);
  return ports;
}

}  // namespace hostspin
