#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "private_key.h"
#include "words.h"

namespace hostspin::desk {
namespace {

// A signify or minisign public key: "Ed", 8 bytes of key number, the key.
inline constexpr std::size_t kSignifyKeyBytes = 42;
inline constexpr std::size_t kSignifyHeadBytes = 10;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

std::optional<Ed25519PublicKey> copy_of(std::string_view raw) {
  Ed25519PublicKey key{};
  if (raw.size() != key.size()) return std::nullopt;
  std::copy(raw.begin(), raw.end(), key.begin());
  return key;
}

std::optional<Ed25519PublicKey> from_openssl(std::string_view bytes) {
  Key key;
  if (bytes.find("-----BEGIN PUBLIC KEY-----") != std::string_view::npos) {
    BIO* bio = BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()));
    if (bio == nullptr) return std::nullopt;
    key.reset(PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr));
    (void)BIO_free(bio);
  } else {
    const auto* start = reinterpret_cast<const unsigned char*>(bytes.data());
    key.reset(d2i_PUBKEY(nullptr, &start, static_cast<long>(bytes.size())));
  }
  ERR_clear_error();
  if (!key || EVP_PKEY_is_a(key.get(), "ED25519") != 1) return std::nullopt;
  Ed25519PublicKey raw{};
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1) return std::nullopt;
  return raw;
}

std::optional<Ed25519PublicKey> from_base64(std::string_view bytes) {
  std::string last;  // signify and minisign have a comment line first
  for (const std::string_view line : lines_of(bytes)) {
    if (!trim(line).empty()) last = std::string(trim(line));
  }
  const Result<std::string> raw = decode_base64(last);
  if (!raw) return std::nullopt;
  if (raw->size() == kSignifyKeyBytes && raw->substr(0, 2) == "Ed") {
    return copy_of(std::string_view(*raw).substr(kSignifyHeadBytes));
  }
  if (const auto key = copy_of(*raw)) return key;
  return from_openssl(*raw);  // aws kms get-public-key --query PublicKey --output text
}

}  // namespace

Result<Ed25519PublicKey> read_public_key(std::string_view bytes) {
  if (const auto key = copy_of(bytes)) return *key;
  if (const auto key = from_openssl(bytes)) return *key;
  if (const auto key = from_base64(bytes)) return *key;
  return {
      Errc::usage, "there is no Ed25519 public key in it",
      "give PEM or DER as 'openssl pkey -pubout' writes it, a signify or minisign .pub file, or "
      "32 bytes in base64"};
}

}  // namespace hostspin::desk
