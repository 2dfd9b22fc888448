#include <algorithm>
#include <array>

#include "hostspin/note.h"
#include "key_name.h"

namespace hostspin {
namespace {

constexpr std::size_t kKeyNameBytesMax = 128;
constexpr std::size_t kKeyIdHexDigits = 8;
constexpr std::uint8_t kTypeEd25519 = 0x01;

// The y coordinates, without the sign bit, of every point of small order and their second spellings
// (y + p). With either sign these are 14 encodings: keys that verify forged notes, which RFC 8032
// does not exclude. verify_ed25519() refuses them too, but a key that can never count must not
// load.
constexpr std::array<Ed25519PublicKey, 7> kSmallOrder{{
    {0x00},
    {0x01},
    {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
     0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
     0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
    {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
     0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
     0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
    {0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
}};

/// y < p = 2^255 - 19, little-endian, sign bit cleared.
bool is_reduced(const Ed25519PublicKey& y) {
  const bool all_ones = y.back() == 0x7f && std::all_of(y.begin() + 1, y.end() - 1,
                                                        [](std::uint8_t b) { return b == 0xff; });
  return !all_ones || y.front() < 0xed;
}

Result<void> check_point(const Ed25519PublicKey& key) {
  Ed25519PublicKey y = key;
  y.back() &= 0x7f;
  if (std::find(kSmallOrder.begin(), kSmallOrder.end(), y) != kSmallOrder.end()) {
    return {Errc::bad_key, "a point of small order, which verifies forged signatures"};
  }
  if (!is_reduced(y)) return {Errc::bad_key, "a public key that is not in its canonical form"};
  return {};
}

/// signed-note: the first four bytes of SHA-256(name ‖ LF ‖ type ‖ public key).
std::uint32_t key_id(std::string_view name, std::string_view type_and_key) {
  std::string hashed(name);
  hashed += '\n';
  hashed += type_and_key;
  const Sha256 digest = sha256(hashed);
  return read_key_id(std::string(digest.begin(), digest.begin() + 4));
}

std::string key_text(std::string_view name, std::uint32_t id, std::string_view type_and_key) {
  std::string text(name);
  text += '+';
  text += to_hex(write_key_id(id));
  text += '+';
  text += encode_base64(type_and_key);
  return text;
}

}  // namespace

bool is_key_name(std::string_view text) {
  return !text.empty() && text.size() <= kKeyNameBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '/' || c == '-';
         });
}

std::uint32_t read_key_id(std::string_view bytes) {
  std::uint32_t id = 0;
  for (const char c : bytes.substr(0, 4)) id = (id << 8U) | static_cast<unsigned char>(c);
  return id;
}

std::string write_key_id(std::uint32_t id) {
  std::string bytes;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    bytes += static_cast<char>((id >> (shift - 8)) & 0xffU);
  }
  return bytes;
}

Result<VerifierKey> VerifierKey::parse(std::string_view text) {
  const auto refuse = [&](std::string_view fault) {
    std::string detail = "verifier key " + quoted(text) + ": ";
    detail += fault;
    return Error{Errc::bad_key, std::move(detail)};
  };

  if (text.size() > kTextLineBytesMax) return refuse("longer than 4096 bytes");
  // At its first two '+': base64 may hold more of them.
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return refuse("not of the form name+id+base64");
  const std::string_view name = text.substr(0, first);
  const std::string_view id_hex = text.substr(first + 1, second - first - 1);
  if (name == "PRIVATE") {  // never echoed
    return {Errc::bad_key, "a private key stands where a verifier key belongs: keep it secret"};
  }
  if (!is_key_name(name)) return refuse("the name is not [A-Za-z0-9._/-]{1,128}");

  const Result<std::string> type_and_key = decode_base64(text.substr(second + 1));
  if (!type_and_key) return refuse(type_and_key.error().detail);
  if (type_and_key->empty()) return refuse("no key behind the ID");

  VerifierKey key;
  key.name_ = name;
  key.id_ = key_id(name, *type_and_key);
  key.type_ = static_cast<std::uint8_t>(type_and_key->front());
  key.text_ = text;
  if (id_hex.size() != kKeyIdHexDigits || id_hex != to_hex(write_key_id(key.id_))) {
    return refuse("the ID is not this key's, in 8 lower-case hex digits");
  }
  if (key.is_opaque()) return key;

  if (type_and_key->size() != 1 + key.public_key_.size()) {
    return refuse("an Ed25519 key has 32 bytes, this has " +
                  std::to_string(type_and_key->size() - 1));
  }
  std::copy(type_and_key->begin() + 1, type_and_key->end(), key.public_key_.begin());
  if (Result<void> point = check_point(key.public_key_); !point) {
    return refuse(point.error().detail);
  }
  return key;
}

Result<VerifierKey> VerifierKey::from_public_key(std::string_view name,
                                                 const Ed25519PublicKey& key) {
  std::string type_and_key(1, static_cast<char>(kTypeEd25519));
  type_and_key.append(key.begin(), key.end());
  // Through the same door as a key that was read.
  return parse(key_text(name, key_id(name, type_and_key), type_and_key));
}

}  // namespace hostspin
