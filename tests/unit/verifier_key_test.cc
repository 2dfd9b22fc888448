#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "catch.h"
#include "hostspin/note.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;
using testing::SigningKey;
using testing::value_of;

namespace {

// The 14 encodings of the points whose order divides 8, as Ed25519 verifiers read them: five y
// coordinates with either sign bit, and the second spellings (y + p) of two of them.
constexpr std::array<const char*, 14> kSmallOrder{
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

Ed25519PublicKey from_hex(std::string_view hex) {
  Ed25519PublicKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(2 * i, 2)), nullptr, 16));
  }
  return key;
}

}  // namespace

TEST_CASE("attack: small-order keys, which verify what nobody signed, never load",
          "[key][attack]") {
  for (const char* hex : kSmallOrder) {
    CAPTURE(hex);
    const Result<VerifierKey> key = VerifierKey::from_public_key("test/small", from_hex(hex));
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Errc::bad_key);
    CHECK(key.error().detail.find("small order") != std::string::npos);
  }
}

TEST_CASE("a small-order key that got loaded all the same verifies nothing", "[key]") {
  // With the neutral element as key, R = [S]B is a signature of every message: here S = 1, R = B.
  Ed25519Signature forged{};
  std::fill_n(forged.begin(), 32, std::uint8_t{0x66});
  forged[0] = 0x58;
  forged[32] = 1;
  const Ed25519PublicKey neutral = from_hex(kSmallOrder[2]);
  CHECK(testing::openssl_verifies(neutral, "any text at all", forged));
  CHECK_FALSE(verify_ed25519(neutral, "any text at all", forged));
}

TEST_CASE("a public key has one encoding: y below p", "[key]") {
  Ed25519PublicKey y{};
  y.fill(0xff);
  y.back() = 0x7f;
  for (int low = 0xed; low <= 0xff; ++low) {  // p to 2^255 - 1
    y.front() = static_cast<std::uint8_t>(low);
    CAPTURE(low);
    CHECK(code_of(VerifierKey::from_public_key("test/big", y)) == Errc::bad_key);
  }
  y.front() = 0xeb;  // p - 2: no small order, below p
  CHECK(VerifierKey::from_public_key("test/big", y));
}

TEST_CASE("a verifier key comes back from its text", "[key]") {
  const SigningKey signer("test/manifest/alice");
  const VerifierKey key = value_of(VerifierKey::parse(signer.vkey()));
  CHECK(key == signer.verifier());
  CHECK(key.text() == signer.vkey());
  CHECK(key.name() == "test/manifest/alice");
  CHECK_FALSE(key.is_opaque());
  CHECK(key.public_key() == testing::public_key_of_seed(signer.seed()));
}

TEST_CASE("C2SP signed-note: the example's verifier key", "[key]") {
  // A key that others computed: the ID is the specification's, not only our own arithmetic.
  const VerifierKey key = value_of(
      VerifierKey::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"));
  CHECK(key.id() == 0xc74f20a3);
}

TEST_CASE("base64 may hold more plus signs: the text is split at its first two", "[key]") {
  for (int i = 0; i < 200; ++i) {
    const SigningKey signer("test/plus/" + std::to_string(i));
    if (std::count(signer.vkey().begin(), signer.vkey().end(), '+') < 3) continue;
    CHECK(value_of(VerifierKey::parse(signer.vkey())) == signer.verifier());
    return;
  }
  FAIL("no key of 200 has a plus sign in its base64");
}

TEST_CASE("a key of a type that is not known yet is kept, and is no Ed25519 key", "[key]") {
  const std::string text = testing::read_vector("vkey/good-opaque.vkey");
  const VerifierKey key = value_of(VerifierKey::parse(text));
  CHECK(key.is_opaque());
  CHECK(key.text() == text);
}

TEST_CASE("a private key is refused without showing it", "[key]") {
  const Result<VerifierKey> key = VerifierKey::parse("PRIVATE+KEY+secret+secret");
  REQUIRE_FALSE(key);
  CHECK(key.error().code == Errc::bad_key);
  CHECK(key.error().detail.find("secret+secret") == std::string::npos);
}

TEST_CASE("key names are bounded and plain", "[key]") {
  const Ed25519PublicKey raw = testing::public_key_of_seed(SigningKey("x").seed());
  const auto loads = [&](const std::string& name) {
    return VerifierKey::from_public_key(name, raw).has_value();
  };
  CHECK(loads(std::string(128, 'n')));
  CHECK_FALSE(loads(std::string(129, 'n')));
  CHECK(loads("Az09._/-"));
  CHECK_FALSE(loads(""));
  CHECK_FALSE(loads("a+b"));
  CHECK_FALSE(loads("a b"));
  CHECK_FALSE(loads("a\n"));
  CHECK_FALSE(loads("\xc3\xa4"));
}

}  // namespace hostspin
