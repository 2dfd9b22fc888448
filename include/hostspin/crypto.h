#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

using Sha256 = std::array<std::uint8_t, 32>;
using Ed25519PublicKey = std::array<std::uint8_t, 32>;
using Ed25519Signature = std::array<std::uint8_t, 64>;

/// Hashing and verifying in a library context of its own with the default provider alone, so that a
/// host's openssl.cnf (fips=yes, a broken provider) changes no verdict. Make one per pass and hand it
/// down; it is not for use by two threads at once.
class Crypto {
 public:
  /// Errc::internal where libcrypto cannot be initialised.
  static Result<Crypto> make();
  Crypto(Crypto&&) noexcept;
  Crypto& operator=(Crypto&&) noexcept;
  ~Crypto();

  [[nodiscard]] Sha256 sha256(std::string_view bytes) const;

  /// Pure Ed25519 (RFC 8032) over `message`. False for anything but a valid signature; a public key
  /// that is malformed is false as well. Small-order keys must have been refused by the caller.
  [[nodiscard]] bool verify(const Ed25519PublicKey& key, std::string_view message,
                            const Ed25519Signature& signature) const;

 private:
  struct State;
  explicit Crypto(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Lower-case hex.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::string to_hex(const Sha256& digest);

/// RFC 4648 section 4 with padding.
[[nodiscard]] std::string encode_base64(std::string_view bytes);
/// Strict: canonical padding, trailing bits zero, no blanks. Errc::bad_note otherwise.
Result<std::string> decode_base64(std::string_view text);

}  // namespace hostspin
