#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "close_watch.h"
#include "event_loop.h"
#include "hostspin/worker_lines.h"
#include "http_client.h"
#include "icmp_question.h"
#include "lingering_close.h"
#include "mtu_question.h"
#include "mysql_probe.h"
#include "ntp_probe.h"
#include "tcp_connect.h"
#include "tls_probe.h"
#include "tls_trust.h"

namespace hostspin {

/// What probes need of their session; all outlive them.
struct ProbeContext {
  EventLoop& loop;
  TlsTrust& trust;
  HttpClient& http;
  LingeringClose& lingering;
  Turns& turns;
  std::chrono::milliseconds tcp_limit;
  std::chrono::milliseconds handshake_limit;
};

/// How much may be open at once.
struct ProbeRoom {
  std::size_t probes = 1;  ///< under way
  /// Descriptors of probes and of sockets that are closing; one probe always fits.
  std::size_t files = 0;
  std::size_t accepted = 1;  ///< connections of tcp checks, watched for their end
};
/// 256 probes, fewer where this process may open few files.
[[nodiscard]] ProbeRoom probe_room();

/// Asks each address once, in the order of arrival, as many at a time as there is room for:
/// connect, then whatever the check's kind adds. One verdict per request, never per name.
class Prober {
 public:
  using Report = std::function<void(ProbeResult)>;

  Prober(ProbeContext context, ProbeRoom room, Report report);
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;
  ~Prober();

  void ask(ProbeRequest request);
  /// Answers whatever is still open with not_tried; for the moment when the time is up.
  void give_up();
  [[nodiscard]] bool idle() const { return probes_.empty() && waiting_.empty(); }
  /// The TCP ports that open requests still need.
  [[nodiscard]] std::set<std::uint16_t> ports() const;

 private:
  struct Probe {
    Probe(ProbeRequest asked_for, ProbeResult begun)
        : request(std::move(asked_for)), result(std::move(begun)) {}

    ProbeRequest request;
    ProbeResult result;
    SteadyTime started = std::chrono::steady_clock::now();
    std::unique_ptr<TcpConnect> connect;
    std::unique_ptr<TlsProbe> tls;
    std::unique_ptr<NtpProbe> ntp;
    std::unique_ptr<MysqlProbe> mysql;
    std::unique_ptr<IcmpQuestion> icmp;
    std::unique_ptr<MtuQuestion> mtu;
    HttpClient::Ticket ticket = 0;
    SteadyTime asked{};        // by HTTP, for the first time
    bool is_accepted = false;  // by tcp, and watched for its end: the attempt itself is over
    bool retried = false;      // after a connection that ended without an answer
  };
  using Number = std::uint64_t;

  [[nodiscard]] bool has_room() const;
  void start_waiting();
  void start(ProbeRequest request);
  void accepted(Number number, Descriptor socket);
  void watched(Number number, CloseWatch::Seen seen);
  void connected(Number number, Connected outcome);
  void explain_failure(Number number, Probe& probe);
  void explain_handshake(Number number, Probe& probe);
  void start_tls(Number number, Probe& probe, Descriptor socket);
  void start_mysql(Number number, Probe& probe, Descriptor socket);
  [[nodiscard]] std::chrono::milliseconds http_time_left(const Probe& probe) const;
  void http_done(Number number, const HttpReply& reply);
  void start_connect(Number number, Probe& probe);
  void start_http(Number number, Probe& probe, Descriptor socket);
  void finish(Number number);

  const ProbeContext context_;
  const ProbeRoom room_;
  const Report report_;
  std::deque<ProbeRequest> waiting_;
  std::map<Number, std::unique_ptr<Probe>> probes_;
  std::size_t accepted_ = 0;                             // of them, by tcp checks
  std::deque<std::pair<Number, Descriptor>> held_back_;  // until there is room to watch them
  CloseWatch close_watch_;
  Number number_ = 0;
  EventLoop::Timer roomier_;  // looks whether a waiting one fits now
};

}  // namespace hostspin
