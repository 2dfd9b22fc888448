#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "descriptor.h"
#include "event_loop.h"
#include "hostspin/ip.h"
#include "hostspin/result.h"
#include "lingering_close.h"
#include "tls_trust.h"
#include "turns.h"

namespace hostspin {

/// An http or https URL, taken apart by libcurl and then held to more: a host name in lower case or
/// a canonical IP literal, a port, no user, no fragment.
struct Url {
  bool tls = false;
  std::string host;                  ///< without brackets
  std::optional<IPAddress> literal;  ///< the host, where it is an address
  std::uint16_t port = 0;
  std::string text;  ///< normalised
};
/// Errc::fetch_failed with what is wrong.
Result<Url> parse_url(std::string_view text);

/// An address and a port.
struct IPEndpoint {
  IPAddress address;
  std::uint16_t port = 0;

  /// The address as URLs have it: an IPv6 one in brackets.
  [[nodiscard]] std::string host() const;
};
/// "http://IP:PORT", an IPv6 address in brackets. Errc::fetch_failed otherwise.
Result<IPEndpoint> parse_proxy(std::string_view text);

/// What a request for S3 is signed with.
struct AwsSigning {
  std::string region;
  std::string key_id;
  std::string secret;
};

struct HttpReply;

struct HttpRequest {
  enum class Version { http1, http2 };  ///< http2: over TLS by ALPN, else with prior knowledge

  HttpRequest(Url origin, IPEndpoint connect_to) : url(std::move(origin)), peer(connect_to) {}

  Url url;
  IPEndpoint peer;                    ///< where the socket leads: the origin, or the proxy
  std::optional<IPEndpoint> through;  ///< with a proxy: the origin, asked for with CONNECT
  std::string ca = "system";
  std::vector<std::string> pins;
  std::string client_certificate;
  std::string client_key;
  std::vector<std::string> headers;  ///< "Name: value"
  std::optional<std::string> post;   ///< a body to send; none means GET
  std::optional<AwsSigning> aws;     ///< sign with Signature Version 4
  std::string method;                ///< another than GET or POST; empty for those

  std::size_t body_bytes_max = 65536;
  bool cut_body = false;  ///< more bytes than that are left unread instead of refused
  Version version = Version::http1;
  /// The reason that is given where the session has no such CA: a check is skipped then, but a
  /// source was not heard.
  Verdict without_ca = Verdict::not_tried;
  /// Asked once the head is complete and after each part of the body: whether what has come decides
  /// it all, and the rest is left unread. None means that the whole answer counts.
  std::function<bool(const HttpReply&)> suffices;
  bool only_body_of_200 = false;  ///< answers of another status are complete with their headers
  std::chrono::milliseconds handshake_limit{1500};
  std::chrono::milliseconds limit{30000};  ///< from start(), the handshake included
  bool low_speed_limit = true;             ///< give up below 100 B/s for 4 s
};

struct HttpReply {
  int status = 0;
  bool headers_complete = false;        ///< of the final answer, with that status
  std::optional<std::uint64_t> length;  ///< of the body, as the head promises it
  std::string body;
  std::string etag;
  std::string location;
  std::string content_type;
  std::string grpc_status;
  std::optional<int> days_left;  ///< https
  std::string
      reason;  ///< empty: complete; else a verdict's name, or too_large, slow, protocol, proxy
  std::string detail;
  bool stream_reset = false;    ///< HTTP/2: the server ended this request, not the connection
  bool stream_refused = false;  ///< HTTP/2: so, and before it did anything (REFUSED_STREAM)
  bool session_ended = false;   ///< HTTP/2: it takes no more requests (GOAWAY), this one included
  int error_number = 0;
};

/// HTTP on sockets that are connected already. The only code that sees libcurl, and proof against
/// name look-ups: every host is a stand-in with one address, the resolver's hook fails whatever
/// has none, and the connection is refused unless it is the socket that was handed over. Proof as
/// well against peers that never stop sending: bytes come through a pump.
class HttpClient {
 public:
  using Done = std::function<void(HttpReply)>;
  using Ticket = std::uint64_t;

  /// Errc::internal where libcurl cannot be set up.
  static Result<std::unique_ptr<HttpClient>> make(EventLoop& loop, TlsTrust& trust,
                                                  LingeringClose& lingering, Turns& turns);
  virtual ~HttpClient() = default;

  /// `done` is called once, never from within this call, unless cancelled.
  virtual Ticket start(HttpRequest request, Descriptor socket, Done done) = 0;
  virtual void cancel(Ticket ticket) = 0;
};

}  // namespace hostspin
