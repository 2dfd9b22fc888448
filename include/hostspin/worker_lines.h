#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/ip.h"
#include "hostspin/manifest.h"
#include "hostspin/result.h"

/// The protocol between `hostspin` and its workers: JSON objects, one a line, on a stream.
///
///   parent → hostspin-net   {"hostspin-net":2, "deadline_ms":…, …}   SessionStart, first and once
///                           {"fetch":{"id":…, …}}                    any number, at any time
///                           {"probe":{"id":…, …}}
///                           half-close when nothing more will be asked
///   hostspin-net → parent   {"notice":"…"}                           what its sandbox lacks, once each
///                           {"asked":{"id":…}}                      a fetch `at_once` was taken up; once each
///                           {"fetch":{"id":…, …}} | {"probe":{…}}    one per request, any order
///                           {"end":true}                             last line
///
/// hostspin-ask takes {"hostspin-ask":1,…}, {"ask":{…}} and answers {"notice":"…"}, {"ask":{…}},
/// {"end":true}.
///
/// The worker is not trusted: the parse functions here check every field's type and bound, refuse
/// unknown keys, and the caller refuses ids it did not give out or that were answered before.
namespace hostspin {

inline constexpr std::size_t kRequestLineBytesMax = 4U << 20U;   ///< a CA bundle fits
inline constexpr std::size_t kResultLineBytesMax = 160U << 10U;  ///< a base64 note fits
inline constexpr std::size_t kWorkerRequestsMax = 200000;

struct SessionStart {
  std::chrono::milliseconds deadline{30000};  ///< from the moment it is read; 1 ms to 10 min
  std::map<std::string, std::string> ca_bundles;  ///< name → PEM; "system" among them where needed
  std::int64_t tls_not_before = 0;  ///< judge certificates at max(clock, this); seconds since 1970
  std::chrono::milliseconds tcp_limit{900};
  std::chrono::milliseconds handshake_limit{1500};  ///< TLS, HTTP and the like, after the connect
};

/// One URL by one address. Sources are hedged: one after another starts, few are at work at a time.
struct FetchRequest {
  std::uint32_t id = 0;
  std::uint16_t source = 0;            ///< the configured source; all its addresses share one place
  bool at_once = false;                ///< not hedged: takes no place and waits for no other source
  std::string url;                     ///< http or https; host is a name or an IP literal
  std::optional<IPAddress> address;    ///< where to connect; absent = the URL's IP literal
  int priority = 0;                    ///< lower is started first
  std::size_t body_bytes_max = kManifestNoteBytesMax;
  std::string ca = "system";           ///< a key of SessionStart::ca_bundles
  std::vector<std::string> pins;       ///< base64 SHA-256 of SPKI
  std::string client_certificate;      ///< PEM
  std::string client_key;              ///< PEM
  std::string proxy;                   ///< http://IP:PORT or empty
  std::string etag;                    ///< If-None-Match
  std::string s3_region;               ///< sign with SigV4 using instance-role credentials; empty = no
};

enum class FetchOutcome {
  ok,
  not_found,     ///< HTTP 404, 410, 403
  not_modified,  ///< HTTP 304
  failed,
};

struct FetchResult {
  std::uint32_t id = 0;
  FetchOutcome outcome = FetchOutcome::failed;
  std::string body;     ///< ok: at most body_bytes_max bytes
  std::string etag;     ///< at most 256 printable bytes
  int status = 0;       ///< HTTP status, 0 if none
  std::string reason;   ///< failed: a verdict's name (report.h), or too_large, slow, redirect, protocol, proxy
  std::string detail;   ///< failed: a line for people, printable, at most 300 bytes
  std::chrono::milliseconds elapsed{0};
};

struct ProbeRequest {
  std::uint32_t id = 0;
  IPAddress address;
  Check check;
  bool explain = false;
};

/// Why an address was called what it was. Closed list; names are stable (see verdict_name()).
enum class Verdict {
  ok, not_tried, local_limit, no_family, no_route, local_firewall, source_address, next_hop_dead, unreachable,
  refused, reset, closed_at_once, tcp_timeout, tls_timeout, tls_protocol, tls_client_certificate, tls_ca, tls_name,
  tls_expired, tls_not_yet_valid, tls_purpose, tls_constraint, tls_weak, tls_chain, tls_pin, http_timeout,
  http_protocol, http_status, http_body, grpc_not_serving, ntp_bad, mysql_blocked, mysql_full, mysql_timeout,
  mysql_bad, flood, unsupported, internal,
};
[[nodiscard]] std::string_view verdict_name(Verdict verdict);
[[nodiscard]] std::optional<Verdict> verdict_from_name(std::string_view name);
/// "L3", "L4", "L6", "L7", or "-" where no packet was meant to go.
[[nodiscard]] std::string_view verdict_layer(Verdict verdict);
/// The cause in plain words: "nothing listens on that port".
[[nodiscard]] std::string_view verdict_words(Verdict verdict);

struct ProbeResult {
  std::uint32_t id = 0;
  Verdict verdict = Verdict::not_tried;
  int error_number = 0;                      ///< the kernel's errno, 0 if none
  std::optional<std::int64_t> rtt_us;        ///< TCP_INFO's smoothed round trip
  std::chrono::milliseconds elapsed{0};
  std::optional<int> days_left;              ///< tls: the chain's earliest expiry
  std::string detail;                        ///< printable, at most 300 bytes
};

struct AskRequest {
  /// `servers`: each DNS server that resolv.conf names, by itself: does it answer at all?
  enum class Database { files, dns, system, servers };
  enum class Family { any, inet, inet6 };
  std::uint32_t id = 0;
  HostName name;
  Database database = Database::system;
  Family family = Family::any;
};

/// One line "nameserver" of resolv.conf.
struct DnsServer {
  enum class State {
    answers,  ///< it knows the name, or knows that there is none
    error,    ///< it answers, but cannot tell (SERVFAIL, REFUSED)
    silent,   ///< no answer in time, or it cannot be reached
  };
  IPAddress address;
  State state = State::silent;
};

struct AskResult {
  enum class Status { found, not_found, stalled, failed };
  std::uint32_t id = 0;
  Status status = Status::failed;
  std::vector<IPAddress> addresses;  ///< sorted, distinct, at most 64
  std::vector<DnsServer> servers;    ///< of the question about `servers`, in resolv.conf's order
  std::chrono::milliseconds elapsed{0};
};

/// The fetch `id`, which was to go out at once, does, or waits behind others to the same source that do:
/// from now on its source can be said to be asked. That one source has many addresses delays nobody.
struct WorkerAsked { std::uint32_t id = 0; };
struct WorkerNotice { std::string text; };
struct WorkerEnd {};

// Each line ends in LF.
[[nodiscard]] std::string encode(const SessionStart& start);
[[nodiscard]] std::string encode(const FetchRequest& request);
[[nodiscard]] std::string encode(const ProbeRequest& request);
[[nodiscard]] std::string encode(const FetchResult& result);
[[nodiscard]] std::string encode(const ProbeResult& result);
[[nodiscard]] std::string encode(const WorkerAsked& asked);
[[nodiscard]] std::string encode(const WorkerNotice& notice);
[[nodiscard]] std::string encode(const WorkerEnd& end);

/// One line from the parent. Errc::worker_failed with the offending key.
struct NetRequest {
  std::optional<SessionStart> start;
  std::optional<FetchRequest> fetch;
  std::optional<ProbeRequest> probe;
};
Result<NetRequest> decode_net_request(std::string_view line);

/// One line from the worker.
struct NetResult {
  std::optional<FetchResult> fetch;
  std::optional<ProbeResult> probe;
  std::optional<WorkerAsked> asked;
  std::optional<WorkerNotice> notice;
  bool end = false;
};
Result<NetResult> decode_net_result(std::string_view line);

// hostspin-ask's half.
[[nodiscard]] std::string encode_ask_start(std::chrono::milliseconds deadline);
[[nodiscard]] std::string encode(const AskRequest& request);
[[nodiscard]] std::string encode(const AskResult& result);
struct AskInput {
  std::optional<std::chrono::milliseconds> deadline;
  std::optional<AskRequest> ask;
};
Result<AskInput> decode_ask_input(std::string_view line);
struct AskOutput {
  std::optional<AskResult> ask;
  std::optional<WorkerNotice> notice;
  bool end = false;
};
Result<AskOutput> decode_ask_output(std::string_view line);

}  // namespace hostspin
