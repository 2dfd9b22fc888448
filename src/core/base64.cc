#include <array>
#include <cstdint>

#include "hostspin/crypto.h"

namespace hostspin {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value of every byte, -1 outside the alphabet.
constexpr std::array<std::int16_t, 256> make_values() {
  std::array<std::int16_t, 256> values{};
  for (std::int16_t& value : values) value = -1;
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int16_t>(i);
  }
  return values;
}
constexpr std::array<std::int16_t, 256> kValues = make_values();

}  // namespace

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 0xfU];
  }
  return hex;
}

std::string to_hex(const Sha256& digest) {
  return to_hex(std::string(digest.begin(), digest.end()));
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = bytes.size() - at < 3 ? bytes.size() - at : 3;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      const auto byte = i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U;
      group = (group << 8U) | byte;
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= count ? kAlphabet[(group >> (18U - 6U * i)) & 0x3fU] : '=';
    }
  }
  return text;
}

// Our own, because OpenSSL's EVP_DecodeBlock takes "====", trailing bits and blanks: two spellings
// of one signature would let a note's bytes change without its meaning changing.
Result<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {Errc::bad_note, "base64 whose length is not a multiple of 4"};
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }

  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return {Errc::bad_note, "base64 with a byte outside its alphabet"};
    group = (group << 6U) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>((group >> bits) & 0xffU);
    group &= (1U << bits) - 1U;
  }
  // What is left over is the padding's share: 0, 2 or 4 bits, all zero.
  if (bits != padding * 2) return {Errc::bad_note, "base64 with wrong padding"};
  if (group != 0) return {Errc::bad_note, "base64 whose trailing bits are not zero"};
  return bytes;
}

}  // namespace hostspin
