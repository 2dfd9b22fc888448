#include <string>

#include "catch.h"
#include "external_signer.h"
#include "private_key.h"
#include "signing.h"

namespace hostspin::desk {

using testing::code_of;
using testing::value_of;

namespace {

Secret secret_of(std::string_view text) {
  Secret secret;
  REQUIRE(secret.append(text));
  return secret;
}

auto no_passphrase() {
  return []() -> Result<Secret> {
    FAIL("an unencrypted key asks for no passphrase");
    return Secret();
  };
}

std::string raw(const Ed25519PublicKey& key) { return {key.begin(), key.end()}; }
std::string raw(const Ed25519Signature& signature) { return {signature.begin(), signature.end()}; }

}  // namespace

TEST_CASE("a secret holds what was put in, and refuses too much", "[desk]") {
  Secret secret = secret_of("abc");
  CHECK(secret.view() == "abc");
  secret.drop_last();
  CHECK(secret.equals(secret_of("ab")));
  CHECK_FALSE(secret.equals(secret_of("abc")));
  CHECK_FALSE(secret.append(std::string(kSecretBytesMax, 'x')));
  CHECK(secret.view() == "ab");
  const Secret moved = std::move(secret);
  CHECK(moved.view() == "ab");
}

TEST_CASE("a key comes back from its file and signs what its verifier key verifies", "[desk]") {
  const SigningKey key = value_of(new_signing_key("test/ann"));
  const Secret passphrase = secret_of("correct horse");
  const bool encrypted = GENERATE(false, true);
  CAPTURE(encrypted);
  const Secret file = value_of(key.secret.to_pem(key.verifier, encrypted ? &passphrase : nullptr));
  CHECK(verifier_comment(file.view()) == key.verifier.text());
  CHECK(PrivateKey::is_encrypted(file.view()) == encrypted);

  const PrivateKey again =
      encrypted ? value_of(PrivateKey::from_pem(
                      file.view(), [] { return Result<Secret>(secret_of("correct horse")); }))
                : value_of(PrivateKey::from_pem(file.view(), no_passphrase()));
  CHECK(again.public_key() == key.verifier.public_key());
  const Ed25519Signature signature = value_of(again.sign("text\n"));
  CHECK(verify_ed25519(key.verifier.public_key(), "text\n", signature));
  CHECK_FALSE(verify_ed25519(key.verifier.public_key(), "text", signature));
}

TEST_CASE("two keys are never the same", "[desk]") {
  const SigningKey one = value_of(new_signing_key("test/ann"));
  const SigningKey two = value_of(new_signing_key("test/ann"));
  CHECK(one.verifier.text() != two.verifier.text());
}

TEST_CASE("a wrong passphrase and a damaged file are refused", "[desk]") {
  const SigningKey key = value_of(new_signing_key("test/ann"));
  const Secret passphrase = secret_of("right");
  const Secret file = value_of(key.secret.to_pem(key.verifier, &passphrase));
  for (const std::string wrong : {"", "wrong", "right "}) {
    CAPTURE(wrong);
    CHECK(code_of(PrivateKey::from_pem(
              file.view(), [&] { return Result<Secret>(secret_of(wrong)); })) == Errc::usage);
  }
  CHECK(code_of(PrivateKey::from_pem("", no_passphrase())) == Errc::usage);
  CHECK(code_of(PrivateKey::from_pem(
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", no_passphrase())) ==
        Errc::usage);
}

TEST_CASE("a public key is read in every usual form", "[desk]") {
  const SigningKey key = value_of(new_signing_key("test/ann"));
  const std::string bytes = raw(key.verifier.public_key());
  // RFC 8410: the SubjectPublicKeyInfo of Ed25519 is this and the key.
  const std::string der =
      std::string("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12) + bytes;
  const std::string signify = "Ed" + std::string(8, '\x01') + bytes;
  for (const std::string& form :
       {bytes, encode_base64(bytes), der, encode_base64(der) + "\n",
        "-----BEGIN PUBLIC KEY-----\n" + encode_base64(der) + "\n-----END PUBLIC KEY-----\n",
        "untrusted comment: x\n" + encode_base64(signify) + "\n"}) {
    CAPTURE(form);
    CHECK(value_of(read_public_key(form)) == key.verifier.public_key());
  }
  for (const std::string& form :
       {std::string(), bytes.substr(1), bytes + "x", "ED" + signify.substr(2), der.substr(1)}) {
    CAPTURE(form);
    CHECK(code_of(read_public_key(form)) == Errc::usage);
  }
}

TEST_CASE("a signature is read in every usual form", "[desk]") {
  const SigningKey key = value_of(new_signing_key("test/ann"));
  const Ed25519Signature signature = value_of(key.secret.sign("x"));
  const std::string bytes = raw(signature);
  const std::string head(8, '\x01');
  const std::string signify = "untrusted comment: x\n" + encode_base64("Ed" + head + bytes) + "\n";
  const std::string minisign = signify + "trusted comment: y\n" + encode_base64(bytes) + "\n";
  for (const std::string& form :
       {bytes, encode_base64(bytes), encode_base64(bytes) + "\n", signify, minisign}) {
    CAPTURE(form);
    CHECK(value_of(read_signature(form)) == signature);
  }
  const std::string hashed = "untrusted comment: x\n" + encode_base64("ED" + head + bytes) + "\n";
  CHECK(code_of(read_signature(hashed)) == Errc::usage);
  CHECK(read_signature(hashed).error().hint.find("-l") != std::string::npos);
  for (const std::string& form : {std::string(), bytes.substr(1), std::string("a\nb\n"),
                                  "c\n" + encode_base64("XX" + head + bytes) + "\n"}) {
    CAPTURE(form);
    CHECK(code_of(read_signature(form)) == Errc::usage);
  }
}

}  // namespace hostspin::desk
