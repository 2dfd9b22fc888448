#include "hostspin/crypto.h"

#include <sodium/crypto_hash_sha256.h>
#include <sodium/crypto_sign_ed25519.h>

#include <tuple>

// sodium_init() is left out on purpose: besides choosing among implementations, of which neither
// function here has more than one, it waits for the kernel's random numbers, which at boot may take
// long, and nothing here needs any.

namespace hostspin {
namespace {

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

}  // namespace

Sha256 sha256(std::string_view bytes) {
  static_assert(std::tuple_size_v<Sha256> == crypto_hash_sha256_BYTES);
  Sha256 digest{};
  (void)crypto_hash_sha256(digest.data(), as_bytes(bytes), bytes.size());  // it cannot fail
  return digest;
}

bool verify_ed25519(const Ed25519PublicKey& key, std::string_view message,
                    const Ed25519Signature& signature) {
  static_assert(std::tuple_size_v<Ed25519PublicKey> == crypto_sign_ed25519_PUBLICKEYBYTES);
  static_assert(std::tuple_size_v<Ed25519Signature> == crypto_sign_ed25519_BYTES);
  return crypto_sign_ed25519_verify_detached(signature.data(), as_bytes(message), message.size(),
                                             key.data()) == 0;
}

}  // namespace hostspin
