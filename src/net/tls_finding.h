#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "hostspin/worker_lines.h"

namespace hostspin {

/// What one TLS handshake found. OpenSSL fills it in through callbacks, whoever drives the
/// handshake, so that a tls check and an https one judge the same server in the same words.
struct TlsFinding {
  Verdict verdict = Verdict::ok;  ///< of the certificates, ok until one is found wrong
  std::string detail;             ///< which certificate, and what is wrong with it
  std::optional<int> days_left;   ///< of a chain that verified: until the earliest expiry in it

  bool is_shaken = false;              ///< the handshake is complete, as this side sees it
  bool wants_client = false;           ///< the server asked for a certificate, and there is none
  bool is_welcome = false;             ///< it said more in the handshake's protocol, since then
  std::optional<unsigned char> alert;  ///< what the server ended the connection with
  unsigned long error = 0;             ///< OpenSSL's, of the step that failed
};

/// Why a connection that is over has failed in TLS.
struct TlsFailure {
  Verdict verdict = Verdict::reset;
  std::string detail;
};
/// Of a handshake that came to no end: the certificate, the server's alert, what OpenSSL could not
/// read, and otherwise `reset`, whether the connection was closed or reset.
[[nodiscard]] TlsFailure judge_handshake(const TlsFinding& finding);
/// Of an alert, which may come after the handshake too: TLS 1.3 tells a missing client certificate
/// only then.
[[nodiscard]] TlsFailure judge_alert(const TlsFinding& finding);

/// Writes what the context's handshakes find to `finding`, or to the connection's own, see below.
void watch_handshakes(SSL_CTX* context, TlsFinding* finding);
/// Connections that share a context have a finding each, and only those learn of a welcome. False
/// for lack of memory.
[[nodiscard]] bool set_finding(SSL* connection, TlsFinding& finding);

/// Holds a context of somebody else's making, and at its end lets the context forget the finding.
struct ForgetFinding {
  void operator()(SSL_CTX* context) const;
};
using WatchedContext = std::unique_ptr<SSL_CTX, ForgetFinding>;
[[nodiscard]] WatchedContext hold(SSL_CTX* context);

/// What OpenSSL's error queue says, for people; empties it.
[[nodiscard]] std::string take_openssl_error();

}  // namespace hostspin
