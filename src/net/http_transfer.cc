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

std::string_view timeout_reason(const HttpTransfer& transfer, milliseconds elapsed) {
  curl_off_t handshake = 0;
  const bool shaken =
      !transfer.request.url.tls ||
      (curl_easy_getinfo(transfer.easy.get(), CURLINFO_APPCONNECT_TIME_T, &handshake) == CURLE_OK &&
       handshake > 0);
  if (!shaken) return "tls_timeout";
  const bool silent = transfer.header_bytes == 0 && transfer.reply.body.empty();
  const bool early = elapsed + kTimerSlack < transfer.request.limit;
  return early && !silent ? "slow" : "http_timeout";
}

bool is_cut_off(const HttpTransfer& transfer) {
  const int error_number = transfer.pump->error_number();
  return error_number == ECONNRESET || error_number == EPIPE;
}

// Whether the peer reset the connection before it answered. libcurl has many words for that: its
// socket is one of a pair, and what it was about to do with it differs.
bool is_reset(const HttpTransfer& transfer, CURLcode code) {
  // What was found wrong with the certificate here stays so, whatever the peer did then.
  const bool distrusted =
      code == CURLE_SSL_PINNEDPUBKEYNOTMATCH || code == CURLE_PEER_FAILED_VERIFICATION;
  return is_cut_off(transfer) && !transfer.reply.headers_complete && !distrusted;
}

std::string_view reason_of(CURLcode code, const HttpTransfer& transfer, milliseconds elapsed) {
  switch (code) {
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return verdict_name(Verdict::tls_pin);
    case CURLE_PEER_FAILED_VERIFICATION:
      return verdict_name(Verdict::tls_name);
    case CURLE_OPERATION_TIMEDOUT:
      return timeout_reason(transfer, elapsed);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
      return verdict_name(Verdict::tls_protocol);
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return verdict_name(Verdict::reset);
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR: {
      // TLS 1.3 tells a missing client certificate only now; an end without close_notify is a cut.
      const bool end = strstr(transfer.error_text, "unexpected eof") != nullptr;
      const bool alert = transfer.request.url.tls && !end && !is_cut_off(transfer);
      return verdict_name(alert ? Verdict::tls_protocol : Verdict::reset);
    }
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_FAILED_INIT:
      return verdict_name(Verdict::internal);
    default:
      return "protocol";
  }
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

int error_of(const Descriptor& connection) {
  sockaddr_storage there{};
  socklen_t size = sizeof there;
  if (::getpeername(connection.get(), reinterpret_cast<sockaddr*>(&there), &size) == 0 ||
      errno != ENOTCONN) {
    return 0;
  }
  int error_number = 0;
  socklen_t error_size = sizeof error_number;
  (void)::getsockopt(connection.get(), SOL_SOCKET, SO_ERROR, &error_number, &error_size);
  return error_number == 0 ? ECONNRESET : error_number;
}

bool leads_to_peer(const Descriptor& connection, const HttpRequest& request) {
  sockaddr_storage there{};
  socklen_t size = sizeof there;
  const SocketAddress wanted(request.peer.address, request.peer.port);
  return ::getpeername(connection.get(), reinterpret_cast<sockaddr*>(&there), &size) == 0 &&
         wanted.equals(reinterpret_cast<const sockaddr*>(&there), size);
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
  // libcurl's socket is one of a pair, and knows a reset alone.
  const int error_number = transfer.pump->error_number();
  reply.status = status_of(transfer);
  reply.stream_reset = code == CURLE_HTTP2_STREAM;
  reply.days_left = transfer.finding.days_left;
  if (reply.etag.size() > kEtagBytesMax || !tag_is_settled(transfer)) reply.etag.clear();
  if (transfer.too_large) {
    reply.reason = "too_large";
    reply.detail = transfer.header_bytes > kHeaderBytesMax
                       ? "more than " + std::to_string(kHeaderBytesMax) + " bytes of headers"
                       : "more than " + std::to_string(transfer.request.body_bytes_max) + " bytes";
    return std::move(reply);
  }
  if (code == CURLE_OK || transfer.enough) return std::move(reply);
  if (transfer.finding.verdict != Verdict::ok) {
    reply.reason = verdict_name(transfer.finding.verdict);
    reply.detail = transfer.finding.detail;
    return std::move(reply);
  }
  if (is_flood(transfer, code) || is_called_a_flood(transfer)) {
    reply.reason = verdict_name(Verdict::flood);
    reply.detail = flood_detail(transfer.pump->bytes());
    return std::move(reply);
  }
  reply.error_number = error_number;
  if (is_reset(transfer, code)) {
    reply.reason = verdict_name(Verdict::reset);
    reply.detail = strerror(error_number);
    return std::move(reply);
  }
  reply.reason = reason_of(code, transfer, elapsed);
  reply.detail = transfer.error_text[0] != '\0' ? transfer.error_text : curl_easy_strerror(code);
  return std::move(reply);
}

}  // namespace hostspin
