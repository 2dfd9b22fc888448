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
constexpr std::int64_t kSecondsPerDay = 86400;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(STACK_OF(X509_INFO) * list) const { sk_X509_INFO_pop_free(list, X509_INFO_free); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};
using Bio = std::unique_ptr<BIO, Free>;

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// "2026-11-22T08:00:00Z"
std::string utc_text(std::tm time) {
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &time);
  return {text.data(), size};
}

std::string utc_text(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? utc_text(parts) : "an unreadable date";
}

std::string utc_text(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  return ::gmtime_r(&time, &parts) != nullptr ? utc_text(parts) : "an unreadable date";
}

std::string subject_text(const X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio ||
      X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0) {
    return "(unreadable)";
  }
  const char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return quoted(std::string_view(bytes, static_cast<std::size_t>(std::max(size, 0L))), 60);
}

std::string name_text(const GENERAL_NAME* name) {
  if (name->type == GEN_DNS) {
    const ASN1_IA5STRING* dns = name->d.dNSName;
    return quoted({reinterpret_cast<const char*>(ASN1_STRING_get0_data(dns)),
                   static_cast<std::size_t>(ASN1_STRING_length(dns))},
                  60);
  }
  if (name->type == GEN_IPADD) {
    const ASN1_OCTET_STRING* ip = name->d.iPAddress;
    const int size = ASN1_STRING_length(ip);
    if (size == 4 || size == 16) {
      return IPAddress::from_bytes(ASN1_STRING_get0_data(ip), size == 16).to_string();
    }
  }
  return {};
}

// The first names that a certificate is for.
std::string names_text(const X509* certificate) {
  constexpr int kNamesShown = 3;
  const std::unique_ptr<GENERAL_NAMES, Free> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  std::string text;
  for (int i = 0; i < count && i < kNamesShown; ++i) {
    const std::string name = name_text(sk_GENERAL_NAME_value(names.get(), i));
    if (!name.empty()) text += (text.empty() ? "" : ", ") + name;
  }
  if (count > kNamesShown) text += " and " + std::to_string(count - kNamesShown) + " more";
  return text.empty() ? subject_text(certificate) : text;
}

Verdict verdict_of(int error) {
  switch (error) {
    case X509_V_OK:
      return Verdict::ok;
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
      return Verdict::tls_not_yet_valid;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
      return Verdict::tls_expired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return Verdict::tls_name;
    default:
      return Verdict::tls_ca;
  }
}

std::string explain(X509_STORE_CTX* context, int error, Verdict verdict) {
  const X509* certificate = X509_STORE_CTX_get_current_cert(context);
  if (certificate == nullptr) return X509_verify_cert_error_string(error);
  const int depth = X509_STORE_CTX_get_error_depth(context);
  const std::string which =
      (depth == 0 ? "its certificate " : "the chain's certificate ") + subject_text(certificate);
  switch (verdict) {
    case Verdict::tls_expired:
      return which + " expired " + utc_text(X509_get0_notAfter(certificate));
    case Verdict::tls_not_yet_valid:
      return which + " is valid from " + utc_text(X509_get0_notBefore(certificate)) + " on";
    case Verdict::tls_name:
      return "its certificate is for " + names_text(certificate);
    default:
      return which + ": " + X509_verify_cert_error_string(error);
  }
}

std::optional<int> days_left(X509_STORE_CTX* context, std::int64_t now) {
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  std::optional<int> least;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    std::tm expiry{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(sk_X509_value(chain, i)), &expiry) != 1) continue;
    const std::int64_t seconds = ::timegm(&expiry) - now;
    const auto days = static_cast<int>(seconds / kSecondsPerDay);
    if (!least || days < *least) least = days;
  }
  return least;
}

// Where the finding goes: to the context's argument, or to the connection's where they share a
// context.
TlsFinding& finding_of(X509_STORE_CTX* context, void* argument) {
  if (argument != nullptr) return *static_cast<TlsFinding*>(argument);
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  return *static_cast<TlsFinding*>(SSL_get_app_data(ssl));
}

// OpenSSL calls this in place of X509_verify_cert(), so that the reason is kept in full: SSL's own
// verify result tells neither which certificate it was, nor (to curl) that it was the name.
int verify_chain(X509_STORE_CTX* context, void* argument) noexcept {
  TlsFinding& finding = finding_of(context, argument);
  const int verified = X509_verify_cert(context);
  const int error = X509_STORE_CTX_get_error(context);
  const std::int64_t judged = std::max<std::int64_t>(
      now_seconds(), X509_VERIFY_PARAM_get_time(X509_STORE_CTX_get0_param(context)));
  if (verified == 1) {
    finding.days_left = days_left(context, judged);
    return 1;
  }
  finding.verdict = verdict_of(error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error);
  finding.detail = explain(context, error, finding.verdict);
  const bool date =
      finding.verdict == Verdict::tls_expired || finding.verdict == Verdict::tls_not_yet_valid;
  if (date && now_seconds() < kBuildTime) {
    finding.detail +=
        "; clock? it says " + utc_text(now_seconds()) + ", which is before this program was built";
  }
  return 0;
}

// With finite fields the peer chooses the size of the group (TLS 1.2), or one of 8192 bits (1.3),
// and a handshake takes up to a second in which nobody else is served. OpenSSL's macro for the
// groups casts in the old style.
bool bound_the_handshake(SSL_CTX* context) {
  std::string groups = "X25519:P-256:P-384:P-521";
  return SSL_CTX_set_cipher_list(context, "DEFAULT:!DHE") == 1 &&
         SSL_CTX_ctrl(context, SSL_CTRL_SET_GROUPS_LIST, 0, groups.data()) == 1;
}

bool trust(SSL_CTX* context, X509_STORE* store, TlsFinding* finding) {
  SSL_CTX_set1_cert_store(context, store);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify_chain, finding);
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
  if (start_.tls_not_before > now_seconds()) {
    X509_VERIFY_PARAM_set_time(parameters, static_cast<std::time_t>(start_.tls_not_before));
  }
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
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
  if (!ssl || !expect(SSL_get0_param(ssl.get()), host) ||
      SSL_set_app_data(ssl.get(), &finding) != 1 || (!literal && !set_sni(ssl.get(), host))) {
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

std::string take_openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason == nullptr ? "" : reason;
  ERR_clear_error();
  return text;
}

}  // namespace hostspin
