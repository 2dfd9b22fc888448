#include "tls_finding.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "hostspin/ip.h"
#include "hostspin/version.h"

namespace hostspin {
namespace {

constexpr std::int64_t kSecondsPerDay = 86400;

struct Free {
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
using Bio = std::unique_ptr<BIO, Free>;

std::int64_t now_seconds() { return ::time(nullptr); }

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
  return text.empty() ? "no name, and its subject " + subject_text(certificate) + " counts for none"
                      : text;
}

// Not to be from the expected CA is said of that alone: whoever reads it looks for another CA.
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
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // of another one with the CA's name
    case X509_V_ERR_AKID_SKID_MISMATCH:
    case X509_V_ERR_AKID_ISSUER_SERIAL_MISMATCH:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED:
      return Verdict::tls_ca;
    case X509_V_ERR_INVALID_PURPOSE:
      return Verdict::tls_purpose;
    case X509_V_ERR_INVALID_CA:  // what issued it is none
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
      return Verdict::tls_constraint;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return Verdict::tls_weak;
    default:
      return Verdict::tls_chain;
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

// Numbers of our own: a library in between may use what SSL_set_app_data() sets.
int context_index() {
  static const int index =
      ::CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr, nullptr, nullptr);
  return index;
}
int connection_index() {
  static const int index =
      ::CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// Null once nobody wants to know.
TlsFinding* finding_of(const SSL* ssl) {
  void* own = SSL_get_ex_data(ssl, connection_index());
  if (own == nullptr) own = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), context_index());
  return static_cast<TlsFinding*>(own);
}

// OpenSSL calls this in place of X509_verify_cert(), so that the reason is kept in full: SSL's own
// verify result tells neither which certificate it was, nor (to curl) that it was the name.
int verify_chain(X509_STORE_CTX* context, void*) noexcept {
  TlsFinding* const found = finding_of(static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx())));
  if (found == nullptr) return 0;
  TlsFinding& finding = *found;
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

// A server may ask for a certificate and do without one.
int lack_certificate(SSL* ssl, X509**, EVP_PKEY**) noexcept {
  if (TlsFinding* const finding = finding_of(ssl)) finding->wants_client = true;
  return 0;
}

bool is_farewell(int alert) {
  return alert == SSL_AD_CLOSE_NOTIFY || alert == SSL_AD_USER_CANCELLED;
}

// Other alerts at the level of a warning change nothing, but TLS 1.3 knows no such level.
void note_event(const SSL* ssl, int where, int value) noexcept {
  TlsFinding* const finding = finding_of(ssl);
  if (finding == nullptr) return;
  if (where == SSL_CB_HANDSHAKE_DONE) {
    finding->is_shaken = true;
  } else if (where == SSL_CB_READ_ALERT) {
    constexpr int kDescription = 0xff;
    const int alert = value & kDescription;
    const bool is_fatal = value >> 8 == SSL3_AL_FATAL || SSL_version(ssl) == TLS1_3_VERSION;
    if (is_fatal && !is_farewell(alert)) finding->alert = static_cast<unsigned char>(alert);
  } else if (where == SSL_CB_CONNECT_EXIT && value <= 0 && finding->error == 0) {
    finding->error = ERR_peek_last_error();
  }
}

// A ticket for the next session, since TLS 1.3: no server gives it to whom it refuses.
void note_message(int is_written, int, int type, const void*, std::size_t, SSL* ssl,
                  void*) noexcept {
  TlsFinding* const finding = finding_of(ssl);
  const bool is_theirs = is_written == 0 && type == SSL3_RT_HANDSHAKE;
  if (finding != nullptr && finding->is_shaken && is_theirs) finding->is_welcome = true;
}

// SSL_alert_desc_string_long() of OpenSSL 3.0 knows not all of them.
std::string alert_words(int alert) {
  switch (alert) {
    case 86:
      return "inappropriate fallback";
    case 109:
      return "missing extension";
    case 116:
      return "certificate required";
    default:
      return SSL_alert_desc_string_long(alert);
  }
}

// What servers say to a client without a certificate: since TLS 1.3 by an alert of its own, and by
// one of these before.
bool says_certificate_missing(const TlsFinding& finding) {
  constexpr int kCertificateRequired = 116;
  if (finding.alert == kCertificateRequired) return true;
  return finding.wants_client &&
         (finding.alert == SSL_AD_HANDSHAKE_FAILURE || finding.alert == SSL_AD_NO_CERTIFICATE ||
          finding.alert == SSL_AD_BAD_CERTIFICATE || finding.alert == SSL_AD_ACCESS_DENIED);
}

}  // namespace

void watch_handshakes(SSL_CTX* context, TlsFinding* finding) {
  (void)SSL_CTX_set_ex_data(context, context_index(), finding);
  SSL_CTX_set_cert_verify_callback(context, verify_chain, nullptr);
  SSL_CTX_set_client_cert_cb(context, lack_certificate);
  SSL_CTX_set_info_callback(context, note_event);
}

bool set_finding(SSL* connection, TlsFinding& finding) {
  SSL_set_msg_callback(connection, note_message);
  return SSL_set_ex_data(connection, connection_index(), &finding) == 1;
}

void ForgetFinding::operator()(SSL_CTX* context) const {
  (void)SSL_CTX_set_ex_data(context, context_index(), nullptr);
  SSL_CTX_free(context);
}

WatchedContext hold(SSL_CTX* context) {
  return WatchedContext(SSL_CTX_up_ref(context) == 1 ? context : nullptr);
}

TlsFailure judge_alert(const TlsFinding& finding) {
  const int alert = finding.alert.value_or(SSL_AD_CLOSE_NOTIFY);
  return {
      says_certificate_missing(finding) ? Verdict::tls_client_certificate : Verdict::tls_protocol,
      "it sent the alert " + quoted(alert_words(alert)) + " (" + std::to_string(alert) + ")"};
}

TlsFailure judge_handshake(const TlsFinding& finding) {
  if (finding.verdict != Verdict::ok) return {finding.verdict, finding.detail};
  if (finding.alert) return judge_alert(finding);
  const int reason = ERR_GET_REASON(finding.error);
  const bool is_end =
      ERR_GET_LIB(finding.error) != ERR_LIB_SSL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (finding.error == 0 || is_end) {
    return {Verdict::reset, finding.wants_client
                                ? "during the handshake, once it had asked for a client certificate"
                                : "during the handshake"};
  }
  const char* words = ERR_reason_error_string(finding.error);
  std::string detail = words == nullptr ? "an error of OpenSSL's without a name" : words;
  if (reason == SSL_R_WRONG_VERSION_NUMBER) detail = "its answer is no TLS (" + detail + ")";
  return {Verdict::tls_protocol, std::move(detail)};
}

std::string take_openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason == nullptr ? "" : reason;
  ERR_clear_error();
  return text;
}

}  // namespace hostspin
