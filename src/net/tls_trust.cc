#include "tls_trust.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "hostspin/crypto.h"
#include "hostspin/version.h"

namespace hostspin {
namespace {

constexpr std::size_t kCertificatesMax = 5000;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(STACK_OF(X509_INFO) * list) const { sk_X509_INFO_pop_free(list, X509_INFO_free); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
using Bio = std::unique_ptr<BIO, Free>;

// With finite fields the peer chooses the size of the group (TLS 1.2), or one of 8192 bits (1.3),
// and a handshake takes up to a second in which nobody else is served. OpenSSL's macro for the
// groups casts in the old style.
bool bound_the_handshake(SSL_CTX* context) {
  std::string groups = "X25519:P-256:P-384:P-521";
  return SSL_CTX_set_cipher_list(context, "DEFAULT:!DHE") == 1 &&
         SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, groups.data()) == 1;
}

// What Debian builds OpenSSL with, wherever this one comes from: keys of 112 bits, no SHA-1.
void raise_security_level(SSL_CTX* context) {
  constexpr int kLevel = 2;
  if (SSL_CTX_get_security_level(context) < kLevel) SSL_CTX_set_security_level(context, kLevel);
}

bool trust(SSL_CTX* context, X509_STORE* store, TlsFinding* finding) {
  raise_security_level(context);
  SSL_CTX_set1_cert_store(context, store);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  watch_handshakes(context, finding);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         bound_the_handshake(context);
}

// What SSL_set_tlsext_host_name() does, whose macro casts in the old style.
bool set_sni(SSL* ssl, std::string name) {
  return SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) == 1;
}

}  // namespace

Result<X509_STORE*> TlsTrust::store(const std::string& ca) {
  if (const auto known = stores_.find(ca); known != stores_.end()) return known->second.get();
  const auto bundle = start_.ca_bundles.find(ca);
  if (bundle == start_.ca_bundles.end()) {
    return {Errc::bad_config, "no CA bundle " + quoted(ca) + " was handed over"};
  }
  std::unique_ptr<X509_STORE, FreeStore> store(X509_STORE_new());
  const Bio bio(BIO_new_mem_buf(bundle->second.data(), static_cast<int>(bundle->second.size())));
  if (!store || !bio) return {Errc::internal, "out of memory for a CA bundle"};
  const std::unique_ptr<STACK_OF(X509_INFO), Free> entries(
      PEM_X509_INFO_read_bio(bio.get(), nullptr, nullptr, nullptr));
  std::size_t added = 0;
  for (int i = 0; entries && i < sk_X509_INFO_num(entries.get()); ++i) {
    X509* certificate = sk_X509_INFO_value(entries.get(), i)->x509;
    if (certificate == nullptr || added >= kCertificatesMax) continue;
    if (X509_STORE_add_cert(store.get(), certificate) == 1) ++added;
  }
  ERR_clear_error();  // the queue holds "no more PEM here"
  if (added == 0) {
    return {Errc::bad_config, "the CA bundle " + quoted(ca) + " holds no certificate"};
  }
  // What curl sets on its own: an intermediate in the bundle is an anchor too.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_TRUSTED_FIRST | X509_V_FLAG_PARTIAL_CHAIN);
  return stores_.emplace(ca, std::move(store)).first->second.get();
}

bool TlsTrust::expect(X509_VERIFY_PARAM* parameters, const std::string& host) const {
  if (start_.tls_not_before > ::time(nullptr)) {
    X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(start_.tls_not_before));
  }
  // A name stands among the alternatives or nowhere (RFC 9525): what takes the subject's CN for one
  // is about to die out.
  X509_VERIFY_PARAM_set_hostflags(
      parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  const Result<IPAddress> ip = IPAddress::parse(host);
  const int named =
      ip ? X509_VERIFY_PARAM_set1_ip(parameters, ip->bytes().data(), ip->is_v6() ? 16 : 4)
         : X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size());
  return named == 1;
}

bool TlsTrust::prepare(SSL_CTX* context, X509_STORE* store, const std::string& host,
                       TlsFinding& finding) const {
  return trust(context, store, &finding) && expect(SSL_CTX_get0_param(context), host);
}

Result<SSL_CTX*> TlsTrust::context(const std::string& ca) {
  if (const auto known = contexts_.find(ca); known != contexts_.end()) return known->second.get();
  Result<X509_STORE*> authorities = store(ca);
  if (!authorities) return std::move(authorities).error();
  Context made(SSL_CTX_new(TLS_client_method()));
  if (!made || !trust(made.get(), *authorities, nullptr)) {
    return {Errc::internal, "OpenSSL cannot be set up: " + take_openssl_error()};
  }
  SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);
  return contexts_.emplace(ca, std::move(made)).first->second.get();
}

Result<TlsTrust::Connection> TlsTrust::connection(const std::string& ca, const std::string& host,
                                                  TlsFinding& finding) {
  Result<SSL_CTX*> shared = context(ca);
  if (!shared) return std::move(shared).error();
  Connection ssl(SSL_new(*shared));
  // SNI carries names alone (RFC 6066 section 3).
  const bool literal = IPAddress::parse(host).has_value();
  if (!ssl || !expect(SSL_get0_param(ssl.get()), host) || !set_finding(ssl.get(), finding) ||
      (!literal && !set_sni(ssl.get(), host))) {
    return {Errc::internal, "OpenSSL cannot be set up: " + take_openssl_error()};
  }
  SSL_set_connect_state(ssl.get());
  return ssl;
}

std::string spki_pin(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  const std::unique_ptr<unsigned char, Free> owned(der);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int digest_size = 0;
  if (EVP_Digest(der, static_cast<std::size_t>(size), digest.data(), &digest_size, EVP_sha256(),
                 nullptr) != 1) {
    return {};
  }
  return encode_base64({reinterpret_cast<const char*>(digest.data()), digest_size});
}

}  // namespace hostspin
