#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "hostspin/crypto.h"
#include "hostspin/note.h"
#include "hostspin/result.h"
#include "passphrase.h"
#include "secret.h"

struct evp_pkey_st;

namespace hostspin::desk {

/// An Ed25519 private key. OpenSSL wipes it when it goes.
///
/// Its file is PKCS#8 in PEM, which `openssl pkey` reads, after comment lines of ours that openssl
/// skips:
///
///     # hostspin private key: keep it secret
///     # verifier key: NAME+ID+KEY
///     -----BEGIN ENCRYPTED PRIVATE KEY-----
///
/// The comment carries the key's name, and lets anybody tell which key a file holds without its
/// passphrase. It is not believed: the key inside must match it.
class PrivateKey {
 public:
  static Result<PrivateKey> generate();
  /// `pem` as above, with or without the comments. `passphrase` is called once, and only if the key
  /// is encrypted. Errc::usage for a wrong passphrase or another kind of key.
  template <typename Ask>
  static Result<PrivateKey> from_pem(std::string_view pem, Ask passphrase) {
    if (!is_encrypted(pem)) return decode(pem, nullptr);
    Result<Secret> secret = passphrase();
    if (!secret) return std::move(secret).error();
    return decode(pem, &*secret);
  }

  [[nodiscard]] Ed25519PublicKey public_key() const;
  [[nodiscard]] Result<Ed25519Signature> sign(std::string_view message) const;

  /// The whole file. Encrypted with AES-256-CBC under scrypt, unless `passphrase` is null.
  [[nodiscard]] Result<Secret> to_pem(const VerifierKey& verifier, const Secret* passphrase) const;

  [[nodiscard]] static bool is_encrypted(std::string_view pem);

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit PrivateKey(evp_pkey_st* key) : key_(key) {}
  static Result<PrivateKey> decode(std::string_view pem, const Secret* passphrase);

  std::unique_ptr<evp_pkey_st, Free> key_;
};

/// The verifier key that a file's comment names, unproved; empty where there is none.
[[nodiscard]] std::string verifier_comment(std::string_view file);

/// A private key together with the name it signs under.
struct SigningKey {
  PrivateKey secret;
  VerifierKey verifier;
};

/// Opens a key file. `name` names a key whose file does not say its name (one that openssl made),
/// and may be empty. Errc::bad_key where comment and key differ.
Result<SigningKey> load_signing_key(const std::string& path, const std::string& name,
                                    const PassphraseSource& source);

/// A new key, in memory alone.
Result<SigningKey> new_signing_key(const std::string& name);

/// A new key in a new file, encrypted unless `encrypt_with` is null.
Result<SigningKey> make_signing_key(const std::string& path, const std::string& name,
                                    const Secret* encrypt_with);

/// The Ed25519 public key in `bytes`: PEM or DER (SubjectPublicKeyInfo), a signify or minisign .pub
/// file, 32 raw bytes or their base64. Errc::usage.
Result<Ed25519PublicKey> read_public_key(std::string_view bytes);

}  // namespace hostspin::desk
