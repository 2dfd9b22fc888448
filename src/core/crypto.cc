#include "hostspin/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace hostspin {
namespace {

constexpr const char* kProvider = "default";
constexpr const char* kPropertyQuery = "provider=default";

struct Free {
  void operator()(OSSL_LIB_CTX* context) const { OSSL_LIB_CTX_free(context); }
  void operator()(OSSL_PROVIDER* provider) const { (void)OSSL_PROVIDER_unload(provider); }
  void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

struct Crypto::State {
  // In this order: what comes later is freed first.
  Owned<OSSL_LIB_CTX> library;
  Owned<OSSL_PROVIDER> provider;
  Owned<EVP_MD> sha256;
};

Crypto::Crypto(std::unique_ptr<State> state) : state_(std::move(state)) {}
Crypto::Crypto(Crypto&&) noexcept = default;
Crypto& Crypto::operator=(Crypto&&) noexcept = default;
Crypto::~Crypto() = default;

Result<Crypto> Crypto::make() {
  // Before anything else: some calls below would read the file that OPENSSL_CONF names. The rest is
  // names and texts that hardly anybody here asks for, and would be half of what this costs at
  // boot.
  constexpr std::uint64_t kBare = OPENSSL_INIT_NO_LOAD_CONFIG |
                                  OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS |
                                  OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS;
  if (OPENSSL_init_crypto(kBare, nullptr) != 1) {
    return {Errc::internal, "cannot initialise libcrypto"};
  }
  auto state = std::make_unique<State>();
  state->library.reset(OSSL_LIB_CTX_new());
  if (!state->library) return {Errc::internal, "cannot make a libcrypto library context"};
  state->provider.reset(OSSL_PROVIDER_load(state->library.get(), kProvider));
  if (!state->provider) return {Errc::internal, "cannot load libcrypto's default provider"};
  state->sha256.reset(EVP_MD_fetch(state->library.get(), "SHA256", kPropertyQuery));
  if (!state->sha256) return {Errc::internal, "libcrypto's default provider has no SHA-256"};
  return Crypto(std::move(state));
}

Sha256 Crypto::sha256(std::string_view bytes) const {
  Sha256 digest{};
  unsigned int size = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, state_->sha256.get(), nullptr);
  // Only a lack of memory gets here; a digest that is not one must not be compared with anything.
  if (done != 1 || size != digest.size()) std::abort();
  return digest;
}

bool Crypto::verify(const Ed25519PublicKey& key, std::string_view message,
                    const Ed25519Signature& signature) const {
  const Owned<EVP_PKEY> public_key(EVP_PKEY_new_raw_public_key_ex(
      state_->library.get(), "ED25519", kPropertyQuery, key.data(), key.size()));
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  if (!public_key || !context) return false;
  if (EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, state_->library.get(),
                              kPropertyQuery, public_key.get(), nullptr) != 1) {
    return false;
  }
  // One shot, as Ed25519 demands; a negative answer is an error and must not read as true.
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), as_bytes(message),
                          message.size()) == 1;
}

}  // namespace hostspin
