#pragma once

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "hostspin/admission.h"
#include "hostspin/crypto.h"
#include "hostspin/manifest.h"
#include "hostspin/note.h"
#include "hostspin/root.h"

/// Keys, notes, roots and manifests for tests. Everything is made from names and seeds, so that the
/// same test makes the same bytes on every run. A test changes one field of a good document and
/// signs it.
///
///   const TestFleet fleet;
///   const TrustRoot root = fleet.open_root();
///   ManifestText manifest = fleet.manifest(42);
///   manifest.services[0].addresses = {"192.0.2.1"};
///   CHECK(code_of(admit_manifest(fleet.sign(manifest), root)) == Errc::address_not_allowed);
namespace hostspin::testing {

/// "2026-10-01T12:00:00Z" as a moment. Throws where the text is none: a fault of the test.
std::chrono::sys_seconds at(std::string_view time);
std::string time_text(std::chrono::sys_seconds time);

/// The error's code; throws where there is none, so that a test never compares with a success.
template <typename T>
Errc code_of(const Result<T>& result) {
  if (result) throw std::runtime_error("expected an error, got a value");
  return result.error().code;
}

/// The value; throws with the error's code and detail where there is none.
template <typename T>
T value_of(Result<T> result) {
  if (!result) {
    throw std::runtime_error(std::string(code_name(result.error().code)) + ": " +
                             result.error().detail);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// An Ed25519 key pair whose seed is the SHA-256 of `seed` (of the name where there is none).
class SigningKey {
 public:
  explicit SigningKey(std::string name, std::string_view seed = {});

  [[nodiscard]] const std::string& name() const { return verifier_.name(); }
  [[nodiscard]] const VerifierKey& verifier() const { return verifier_; }
  [[nodiscard]] const std::string& vkey() const { return verifier_.text(); }
  [[nodiscard]] const Sha256& seed() const { return seed_; }  ///< the private key, raw
  [[nodiscard]] Ed25519Signature sign(std::string_view text) const;
  /// "— name base64\n" over `text`.
  [[nodiscard]] std::string line(std::string_view text) const;

 private:
  Sha256 seed_;
  VerifierKey verifier_;
};

using Signers = std::vector<SigningKey>;

/// Ed25519 over any bytes with a raw seed.
Ed25519Signature sign_with_seed(const Sha256& seed, std::string_view text);
Ed25519PublicKey public_key_of_seed(const Sha256& seed);

/// What RFC 8032 alone says, by OpenSSL: it takes small-order points, as key and as R.
bool openssl_verifies(const Ed25519PublicKey& key, std::string_view text,
                      const Ed25519Signature& signature);

/// The note of `text` and a line for each signer, in their order.
std::string sign_note(std::string_view text, const Signers& signers);
std::vector<std::string> vkeys_of(const Signers& signers);
/// A key ring of the signers' keys.
KeyRing ring_of(const Signers& signers, int threshold);

/// A root's text from its parts. `extra…` is put in as it stands at the end of the section.
struct RootText {
  std::string fleet = "test.example";
  std::int64_t version = 1;
  std::string issued = "2026-01-01T00:00:00Z";
  std::string expires = "2027-01-01T00:00:00Z";
  std::string extra;
  std::int64_t root_threshold = 2;
  std::vector<std::string> root_keys;
  std::string extra_root;
  std::int64_t manifest_threshold = 2;
  std::int64_t epoch = 1;
  std::int64_t min_version = 1;
  std::vector<std::string> manifest_keys;
  std::vector<std::string> names = {"*.svc.example.com", "ldap.example.com", "time"};
  std::vector<std::string> networks = {"10.0.0.0/8", "2001:db8:10::/48"};
  std::string extra_manifest;

  [[nodiscard]] std::string text() const;
};

struct ServiceText {
  std::string name = "db.svc.example.com";
  std::vector<std::string> addresses = {"10.1.2.3", "2001:db8:10::3"};
  std::vector<std::string> aliases = {};
  std::string extra = {};  ///< lines as they stand: "check = { tcp = 5432 }\n"

  [[nodiscard]] std::string text() const;
};

struct ManifestText {
  std::string fleet = "test.example";
  std::int64_t epoch = 1;
  std::int64_t version = 1;
  std::int64_t min_root = 1;
  std::string issued = "2026-02-01T00:00:00Z";
  std::string expires = "2026-03-01T00:00:00Z";
  std::string extra;  ///< lines at the top level: "rollout = 60\n"
  std::vector<ServiceText> services = {{}};

  [[nodiscard]] std::string text() const;
};

/// A fleet with three root keys and three manifest keys, two of each needed.
struct TestFleet {
  Signers root_signers;  ///< those that sign() uses come first
  Signers manifest_signers;

  TestFleet();

  [[nodiscard]] RootText root(std::int64_t version = 1) const;
  [[nodiscard]] ManifestText manifest(std::int64_t version = 1) const;
  /// Signed by the first two of the role's keys.
  [[nodiscard]] std::string sign(const RootText& root) const;
  [[nodiscard]] std::string sign(const ManifestText& manifest) const;

  /// Version 1 as the baked root; or any root of the fleet's.
  [[nodiscard]] TrustRoot open_root() const;
  [[nodiscard]] TrustRoot open_root(const RootText& root) const;
  [[nodiscard]] AdmittedManifest admit(const ManifestText& manifest) const;
  [[nodiscard]] AdmittedManifest admit(const ManifestText& manifest, const TrustRoot& root) const;
};

/// `text` with the first `from` replaced; throws where there is none.
std::string with(std::string text, std::string_view from, std::string_view to);

/// A file of the product's own tests/vectors, by its path there.
std::string read_vector(const std::string& path);

/// "one", "two" as a TOML array.
std::string toml_strings(const std::vector<std::string>& strings);

}  // namespace hostspin::testing
