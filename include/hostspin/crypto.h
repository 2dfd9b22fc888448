#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

using Sha256 = std::array<std::uint8_t, 32>;
using Ed25519PublicKey = std::array<std::uint8_t, 32>;
using Ed25519Signature = std::array<std::uint8_t, 64>;

// By libsodium: it reads no configuration, no environment and no random numbers, so that nothing on a
// host changes a verdict or makes it wait.

/// FIPS 180-4.
[[nodiscard]] Sha256 sha256(std::string_view bytes);

/// Pure Ed25519 (RFC 8032) over `message`, by the equation without the cofactor. False for anything
/// but a valid signature, and where the public key is malformed, or it or R is of small order.
[[nodiscard]] bool verify_ed25519(const Ed25519PublicKey& key, std::string_view message,
                                  const Ed25519Signature& signature);

/// Lower-case hex.
[[nodiscard]] std::string to_hex(std::string_view bytes);
[[nodiscard]] std::string to_hex(const Sha256& digest);

/// RFC 4648 section 4 with padding.
[[nodiscard]] std::string encode_base64(std::string_view bytes);
/// Strict: canonical padding, trailing bits zero, no blanks. Errc::bad_note otherwise.
Result<std::string> decode_base64(std::string_view text);

}  // namespace hostspin
