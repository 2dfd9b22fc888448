#include "http_transfer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "socket_address.h"

// What became of a transfer.
namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kEtagBytesMax = 256;
constexpr milliseconds kTimerSlack{50};

// Servers that make the tag of the time and size of a file, as nginx does, give the same one to two
// files of one second. Such a tag can be trusted once that second is over (RFC 9110 section 8.8.1).
bool tag_is_settled(const HttpTransfer& transfer) {
  constexpr std::int64_t kSettledSeconds = 2;
  if (transfer.last_modified < 0 || transfer.date < 0) return true;
  return transfer.date - transfer.last_modified >= kSettledSeconds;
}

// Why there is no whole answer: a reason as HttpReply has it, and a line for people.
struct Failure {
  std::string reason;
  std::string detail;
};

Failure failure(Verdict verdict, std::string detail) {
  return {std::string(verdict_name(verdict)), std::move(detail)};
}

bool is_cut_off(const HttpTransfer& transfer) {
  return transfer.pump->error_number() == ECONNRESET;
}

// Of a body, so far.
std::string progress_words(const HttpReply& reply) {
  std::string words = std::to_string(reply.body.size());
  if (reply.length) words += " of " + std::to_string(*reply.length);
  return words + " bytes of its body";
}

// Whether what the peer sent was too much, or in vain.
bool is_flood(const HttpTransfer& transfer, CURLcode code) {
  if (transfer.pump->flooded()) return true;
  // A body that is slow is no flood, whatever its framing takes.
  const bool in_vain = transfer.pump->bytes() >= kFloodBytesMin + 2 * transfer.header_bytes;
  return code == CURLE_OPERATION_TIMEDOUT && !transfer.reply.headers_complete && in_vain;
}

// HTTP/2's library counts some floods itself, and ends the connection.
bool is_called_a_flood(const HttpTransfer& transfer) {
  return strstr(transfer.error_text, "Flooding was detected") != nullptr ||
         strstr(transfer.error_text, "Too many CONTINUATION frames") != nullptr;
}

// The stand-ins for hosts are nobody's business.
std::string library_words(const HttpTransfer& transfer, CURLcode code) {
  const bool is_usable =
      transfer.error_text[0] != '\0' && strstr(transfer.error_text, ".hostspin.invalid") == nullptr;
  return is_usable ? transfer.error_text : curl_easy_strerror(code);
}

Failure judge_timeout(const HttpTransfer& transfer, milliseconds elapsed) {
  const HttpRequest& request = transfer.request;
  if (request.url.tls && !transfer.finding.is_shaken) {
    return failure(
        Verdict::tls_timeout,
        "no handshake within " + std::to_string(request.handshake_limit.count()) + " ms");
  }
  const HttpReply& reply = transfer.reply;
  const bool is_silent = transfer.header_bytes == 0;
  const std::string got = is_silent                ? "no answer"
                          : reply.headers_complete ? progress_words(reply)
                                                   : "no whole head";
  const bool is_early = elapsed + kTimerSlack < request.limit;
  const milliseconds taken = is_early ? elapsed : request.limit;
  const std::string detail = got + " within " + std::to_string(taken.count()) + " ms";
  return is_early && !is_silent ? Failure{"slow", detail} : failure(Verdict::http_timeout, detail);
}

// However the library noticed that the connection is over, and whichever way it ended.
Failure judge_end(const HttpTransfer& transfer) {
  if (transfer.asked_again) {
    return failure(Verdict::reset, "it takes the request on no connection but another one");
  }
  return failure(Verdict::reset, transfer.reply.headers_complete
                                     ? "after " + progress_words(transfer.reply)
                                 : transfer.header_bytes > 0 ? "in the middle of its answer"
                                                             : "before it answered");
}

// The library has one code for what it could not read and for an answer that it cannot read.
Failure judge_lost(const HttpTransfer& transfer, CURLcode code) {
  if (transfer.finding.alert) {
    TlsFailure told = judge_alert(transfer.finding);
    return failure(told.verdict, std::move(told.detail));
  }
  // TLS without a goodbye.
  const bool is_end = strstr(transfer.error_text, "unexpected eof") != nullptr;
  if (is_end || is_cut_off(transfer)) return judge_end(transfer);
  const bool in_tls = strstr(transfer.error_text, "SSL routines") != nullptr;
  std::string detail = library_words(transfer, code);
  return in_tls ? failure(Verdict::tls_protocol, std::move(detail))
                : Failure{"protocol", std::move(detail)};
}

// HTTP/2 begins with a frame of settings; what the library takes for an end was an answer of
// another kind.
bool is_other_protocol(const HttpTransfer& transfer) {
  return transfer.request.version == HttpRequest::Version::http2 && !transfer.request.url.tls &&
         transfer.pump->bytes() > 0;
}

Failure judge_code(CURLcode code, const HttpTransfer& transfer) {
  switch (code) {
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return failure(Verdict::tls_pin, library_words(transfer, code));
    case CURLE_PEER_FAILED_VERIFICATION:
      return failure(Verdict::tls_name, library_words(transfer, code));
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
      return failure(Verdict::tls_protocol, library_words(transfer, code));
    case CURLE_GOT_NOTHING:
      if (is_other_protocol(transfer)) return {"protocol", "its answer is not HTTP/2"};
      return judge_end(transfer);
    case CURLE_PARTIAL_FILE:
      return judge_end(transfer);
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
      return judge_lost(transfer, code);
    case CURLE_COULDNT_CONNECT:
      if (transfer.asked_again) return judge_end(transfer);
      [[fallthrough]];
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_FAILED_INIT:
      return failure(Verdict::internal, library_words(transfer, code));
    case CURLE_UNSUPPORTED_PROTOCOL:
      return {"protocol", "its answer has no status line of HTTP"};
    default:
      return {"protocol", library_words(transfer, code)};
  }
}

bool is_ours(const Failure& found) { return found.reason == verdict_name(Verdict::internal); }

// The status with which a proxy refused to connect, 0 for none.
long refusal_of_proxy(const HttpTransfer& transfer) {
  constexpr long kRefusals = 300;
  long status = 0;
  const bool known =
      transfer.request.through &&
      curl_easy_getinfo(transfer.easy.get(), CURLINFO_HTTP_CONNECTCODE, &status) == CURLE_OK;
  return known && status >= kRefusals ? status : 0;
}

Failure judge_failure(const HttpTransfer& transfer, CURLcode code, milliseconds elapsed) {
  const TlsFinding& finding = transfer.finding;
  if (finding.verdict == Verdict::ok && (is_flood(transfer, code) || is_called_a_flood(transfer))) {
    return failure(Verdict::flood, flood_detail(transfer.pump->bytes()));
  }
  if (const long status = refusal_of_proxy(transfer); status != 0) {
    return {"proxy", "the proxy refuses to connect, with status " + std::to_string(status)};
  }
  if (code == CURLE_OPERATION_TIMEDOUT) return judge_timeout(transfer, elapsed);
  Failure found = judge_code(code, transfer);
  if (is_ours(found) || !transfer.request.url.tls || finding.is_shaken) return found;
  TlsFailure told = judge_handshake(finding);
  return failure(told.verdict, std::move(told.detail));
}

// Where nothing but the end of the connection ends a body, a reset is none. TLS has an end of its
// own.
bool ends_with_connection(const HttpTransfer& transfer) {
  long version = 0;
  (void)curl_easy_getinfo(transfer.easy.get(), CURLINFO_HTTP_VERSION, &version);
  const int status = transfer.reply.status;
  const bool has_body = status != 204 && status != 304;
  return has_body && transfer.length.empty() && !transfer.is_chunked &&
         version < CURL_HTTP_VERSION_2_0 && !transfer.request.url.tls;
}

// What the library calls a whole answer may be none.
std::optional<Failure> judge_whole(const HttpTransfer& transfer) {
  if (transfer.enough) return std::nullopt;
  if (!transfer.reply.headers_complete) {
    if (is_cut_off(transfer)) return judge_end(transfer);
    return Failure{"protocol", "its head ends without an empty line"};
  }
  if (is_cut_off(transfer) && ends_with_connection(transfer)) return judge_end(transfer);
  return std::nullopt;
}

}  // namespace

int status_of(const HttpTransfer& transfer) {
  long status = 0;
  if (curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status) != CURLE_OK) return 0;
  return static_cast<int>(status);
}

void hold_back(HttpTransfer& transfer, bool held) {
  if (!transfer.request.post) return;
  if (held) {
    transfer.pump->cork();
  } else {
    transfer.pump->uncork();
  }
}

bool leads_to_peer(const Descriptor& connection, const HttpRequest& request) {
  sockaddr_storage there{};
  socklen_t size = sizeof there;
  const SocketAddress wanted(request.peer.address, request.peer.port);
  if (::getpeername(connection.get(), reinterpret_cast<sockaddr*>(&there), &size) != 0) {
    return errno == ENOTCONN;  // reset since; what it said before can still be read
  }
  return wanted.equals(reinterpret_cast<const sockaddr*>(&there), size);
}

std::size_t bytes_max_of(const HttpRequest& request) {
  // A proxy's headers and the answer's; a body in chunks, records or frames. What arrives in
  // smaller ones adds to it, by kFramedBytesPerByte.
  return kHandshakeBytesMax + 2 * kHeaderBytesMax + 2 * request.body_bytes_max;
}

HttpReply judge_transfer(HttpTransfer& transfer, CURLcode code) {
  HttpReply& reply = transfer.reply;
  const auto elapsed =
      std::chrono::duration_cast<milliseconds>(steady_clock::now() - transfer.started);
  reply.status = status_of(transfer);
  // It answers REFUSED_STREAM with another attempt of its own, for which there is no connection.
  reply.stream_refused = code == CURLE_COULDNT_CONNECT && transfer.asked_again;
  reply.stream_reset = code == CURLE_HTTP2_STREAM || reply.stream_refused;
  reply.session_ended = code == CURLE_HTTP2 && transfer.error_text[0] == '\0';
  reply.days_left = transfer.finding.days_left;
  if (reply.etag.size() > kEtagBytesMax || !tag_is_settled(transfer)) reply.etag.clear();
  std::optional<Failure> found;
  if (transfer.too_large) {
    found = {"too_large",
             transfer.header_bytes > kHeaderBytesMax
                 ? "more than " + std::to_string(kHeaderBytesMax) + " bytes of headers"
                 : "more than " + std::to_string(transfer.request.body_bytes_max) + " bytes"};
  } else if (!transfer.malformed.empty()) {
    found = {"protocol", transfer.malformed};
  } else if (code == CURLE_OK || transfer.enough) {
    found = judge_whole(transfer);
  } else {
    found = judge_failure(transfer, code, elapsed);
  }
  if (!found) return std::move(reply);
  reply.reason = std::move(found->reason);
  reply.detail = std::move(found->detail);
  // libcurl's socket is one of a pair, and knows no errors of the connection.
  if (!transfer.too_large) reply.error_number = transfer.pump->error_number();
  return std::move(reply);
}

}  // namespace hostspin
