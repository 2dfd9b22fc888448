#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "hostspin/worker_lines.h"
#include "tls_finding.h"

namespace hostspin {

/// The certificate authorities of a session and its idea of time. One for TLS probes and HTTPS
/// alike, so that both judge a certificate in the same words.
class TlsTrust {
 public:
  /// `start` is kept by reference.
  explicit TlsTrust(const SessionStart& start) : start_(start) {}

  /// The bundle's certificates, read once. Errc::bad_config where the session has no such bundle,
  /// or nothing in it can be read.
  Result<X509_STORE*> store(const std::string& ca);

  /// Lets a context of somebody else's making trust `store` alone, for the name or IP literal
  /// `host`, from TLS 1.2 on, at the session's time; what it finds goes to `finding`, which must
  /// outlive the context's connections, or be forgotten: see hold(). False if OpenSSL refuses.
  bool prepare(SSL_CTX* context, X509_STORE* store, const std::string& host,
               TlsFinding& finding) const;

  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  using Connection = std::unique_ptr<SSL, FreeSsl>;
  /// The same as a connection of our own, with SNI for a name. Its context is made once for a
  /// bundle: that costs more than the handshake.
  Result<Connection> connection(const std::string& ca, const std::string& host,
                                TlsFinding& finding);

 private:
  struct FreeStore {
    void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  };
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using Context = std::unique_ptr<SSL_CTX, FreeContext>;

  Result<SSL_CTX*> context(const std::string& ca);
  bool expect(X509_VERIFY_PARAM* parameters, const std::string& host) const;

  const SessionStart& start_;
  std::map<std::string, std::unique_ptr<X509_STORE, FreeStore>> stores_;
  std::map<std::string, Context> contexts_;
};

/// Base64 SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469 section 2.4); empty on failure.
[[nodiscard]] std::string spki_pin(const X509* certificate);

}  // namespace hostspin
