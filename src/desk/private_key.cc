#include "private_key.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "desk_files.h"

namespace hostspin::desk {
namespace {

inline constexpr std::string_view kVerifierComment = "# verifier key: ";

// scrypt at 16 MiB, five times over: what fits the 32 MiB that OpenSSL allows when it reads the
// file.
inline constexpr std::uint64_t kScryptN = 16384;
inline constexpr std::uint64_t kScryptR = 8;
inline constexpr std::uint64_t kScryptP = 5;

template <auto Function>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    (void)Function(object);
  }
};
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freed<PKCS8_PRIV_KEY_INFO_free>>;
using EncryptedKey = std::unique_ptr<X509_SIG, Freed<X509_SIG_free>>;
using Algorithm = std::unique_ptr<X509_ALGOR, Freed<X509_ALGOR_free>>;
using Context = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;

/// An OpenSSL failure that no input explains. The queue is emptied: it may be about another call.
Error openssl_failed(std::string_view what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return {Errc::internal,
          std::string(what) + (reason == nullptr ? "" : std::string(": ") + reason)};
}

/// Reads from memory that stays the caller's.
Bio reader(std::string_view bytes) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

/// PEM's callback: `user` is the passphrase, or null where none may be asked for.
int give_passphrase(char* buffer, int size, int /*writing*/, void* user) {
  if (user == nullptr) return -1;
  const std::string_view passphrase = static_cast<const Secret*>(user)->view();
  if (size < 0 || passphrase.size() > static_cast<std::size_t>(size)) return -1;
  std::copy(passphrase.begin(), passphrase.end(), buffer);
  return static_cast<int>(passphrase.size());
}

Result<EncryptedKey> encrypt(PKCS8_PRIV_KEY_INFO* plain, std::string_view passphrase) {
  Algorithm algorithm(
      PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptN, kScryptR, kScryptP));
  if (!algorithm) return openssl_failed("cannot set up the key's encryption");
  EncryptedKey encrypted(PKCS8_set0_pbe(passphrase.data(), static_cast<int>(passphrase.size()),
                                        plain, algorithm.get()));
  if (!encrypted) return openssl_failed("cannot encrypt the key");
  (void)algorithm.release();  // PKCS8_set0_pbe() took it over
  return encrypted;
}

}  // namespace

void PrivateKey::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

Result<PrivateKey> PrivateKey::generate() {
  EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) return openssl_failed("cannot make an Ed25519 key");
  return PrivateKey(key);
}

bool PrivateKey::is_encrypted(std::string_view pem) {
  return pem.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") != std::string_view::npos;
}

Result<PrivateKey> PrivateKey::decode(std::string_view pem, const Secret* passphrase) {
  const Bio bio = reader(pem);
  if (!bio) return openssl_failed("cannot read the key");
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase,
                                          const_cast<Secret*>(passphrase));  // C has no const here
  ERR_clear_error();
  if (key == nullptr && passphrase != nullptr) {
    return {Errc::usage, "the passphrase is wrong, or the key file is damaged", "try again"};
  }
  if (key == nullptr) {
    return {Errc::usage, "there is no private key in PEM form in it",
            "give the file that 'hostspin-sign keygen' wrote, or one made by "
            "'openssl genpkey -algorithm ed25519'"};
  }
  PrivateKey result(key);
  if (EVP_PKEY_is_a(key, "ED25519") != 1) {
    return {Errc::usage, "it is not an Ed25519 key", "make one with 'hostspin-sign keygen'"};
  }
  return result;
}

Ed25519PublicKey PrivateKey::public_key() const {
  Ed25519PublicKey bytes{};
  std::size_t size = bytes.size();
  // Cannot fail: generate() and decode() let only Ed25519 keys through, and those are 32 bytes.
  (void)EVP_PKEY_get_raw_public_key(key_.get(), bytes.data(), &size);
  return bytes;
}

Result<Ed25519Signature> PrivateKey::sign(std::string_view message) const {
  const Context context(EVP_MD_CTX_new());
  Ed25519Signature signature{};
  std::size_t size = signature.size();
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  if (!context || EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, bytes, message.size()) != 1 ||
      size != signature.size()) {
    return openssl_failed("cannot sign");
  }
  return signature;
}

Result<Secret> PrivateKey::to_pem(const VerifierKey& verifier, const Secret* passphrase) const {
  const Bio bio(BIO_new(BIO_s_secmem()));
  const Pkcs8 plain(EVP_PKEY2PKCS8(key_.get()));
  if (!bio || !plain) return openssl_failed("cannot encode the key");
  if (passphrase == nullptr) {
    if (PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio.get(), plain.get()) != 1) {
      return openssl_failed("cannot encode the key");
    }
  } else {
    const Result<EncryptedKey> encrypted = encrypt(plain.get(), passphrase->view());
    if (!encrypted) return encrypted.error();
    if (PEM_write_bio_PKCS8(bio.get(), encrypted->get()) != 1) {
      return openssl_failed("cannot encode the key");
    }
  }
  char* encoded = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &encoded);
  Secret file;
  if (size <= 0 || !file.append("# hostspin private key: keep it secret\n") ||
      !file.append(kVerifierComment) || !file.append(verifier.text()) || !file.append("\n") ||
      !file.append({encoded, static_cast<std::size_t>(size)})) {
    return openssl_failed("cannot encode the key");
  }
  return file;
}

std::string verifier_comment(std::string_view file) {
  while (!file.empty()) {
    const std::size_t end = std::min(file.find('\n'), file.size());
    const std::string_view line = file.substr(0, end);
    if (line.substr(0, kVerifierComment.size()) == kVerifierComment) {
      return std::string(line.substr(kVerifierComment.size()));
    }
    file.remove_prefix(std::min(end + 1, file.size()));
  }
  return {};
}

Result<SigningKey> load_signing_key(const std::string& path, const std::string& name,
                                    const PassphraseSource& source) {
  const Result<Secret> file = read_private(path);
  if (!file) return file.error();
  const std::string comment = verifier_comment(file->view());
  if (comment.empty() && name.empty()) {
    return {Errc::usage, "key file " + quoted(path) + " does not say the key's name",
            "give it with --name NAME, the same that is in its verifier key"};
  }
  Result<PrivateKey> secret =
      PrivateKey::from_pem(file->view(), [&] { return ask_passphrase(source, quoted(path)); });
  if (!secret) return annotate(std::move(secret).error(), "cannot open key " + quoted(path));

  if (comment.empty()) {
    Result<VerifierKey> made = VerifierKey::from_public_key(name, secret->public_key());
    if (!made) return std::move(made).error();
    return SigningKey{std::move(*secret), std::move(*made)};
  }
  Result<VerifierKey> said = VerifierKey::parse(comment);
  if (!said) return annotate(std::move(said).error(), "comment of key file " + quoted(path));
  if (said->is_opaque() || said->public_key() != secret->public_key()) {
    return {Errc::bad_key, "key file " + quoted(path) + " holds another key than its comment says",
            "take the comment lines out and give --name NAME if you are sure of the key"};
  }
  if (!name.empty() && name != said->name()) {
    return {Errc::usage, "key file " + quoted(path) + " is named " + quoted(said->name()),
            "leave --name out"};
  }
  return SigningKey{std::move(*secret), std::move(*said)};
}

Result<SigningKey> new_signing_key(const std::string& name) {
  Result<PrivateKey> secret = PrivateKey::generate();
  if (!secret) return std::move(secret).error();
  Result<VerifierKey> verifier = VerifierKey::from_public_key(name, secret->public_key());
  if (!verifier) return std::move(verifier).error();
  return SigningKey{std::move(*secret), std::move(*verifier)};
}

Result<SigningKey> make_signing_key(const std::string& path, const std::string& name,
                                    const Secret* encrypt_with) {
  Result<SigningKey> key = new_signing_key(name);
  if (!key) return key;
  const Result<Secret> file = key->secret.to_pem(key->verifier, encrypt_with);
  if (!file) return file.error();
  Result<void> written = write_new_private(path, file->view());
  if (!written) return std::move(written).error();
  return key;
}

}  // namespace hostspin::desk
