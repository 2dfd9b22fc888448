#include "signing.h"

#include <openssl/evp.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace hostspin::testing {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

std::unique_ptr<EVP_PKEY, FreeKey> private_key(const Sha256& seed) {
  std::unique_ptr<EVP_PKEY, FreeKey> key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  if (!key) throw std::runtime_error("cannot make a private key");
  return key;
}

Signers first_two(const Signers& signers) { return {signers.at(0), signers.at(1)}; }

}  // namespace

std::chrono::sys_seconds at(std::string_view time) {
  int year = 0;
  unsigned month = 0, day = 0;
  int hour = 0, minute = 0, second = 0;
  const std::string text(time);
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2d:%2d:%2dZ", &year, &month, &day, &hour, &minute,
                  &second) != 6) {
    throw std::runtime_error("not a time: " + text);
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(day)};
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

std::string time_text(std::chrono::sys_seconds time) {
  const auto midnight = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss clock(time - midnight);
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                      static_cast<int>(clock.minutes().count()),
                      static_cast<int>(clock.seconds().count()));
  return text.data();
}

Ed25519Signature sign_with_seed(const Sha256& seed, std::string_view text) {
  const auto key = private_key(seed);
  const std::unique_ptr<EVP_MD_CTX, FreeKey> context(EVP_MD_CTX_new());
  Ed25519Signature signature{};
  std::size_t size = signature.size();
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size,
                     reinterpret_cast<const unsigned char*>(text.data()), text.size()) != 1) {
    throw std::runtime_error("cannot sign");
  }
  return signature;
}

bool openssl_verifies(const Ed25519PublicKey& key, std::string_view text,
                      const Ed25519Signature& signature) {
  const std::unique_ptr<EVP_PKEY, FreeKey> loaded(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const std::unique_ptr<EVP_MD_CTX, FreeKey> context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, loaded.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

Ed25519PublicKey public_key_of_seed(const Sha256& seed) {
  const auto key = private_key(seed);
  Ed25519PublicKey raw{};
  std::size_t size = raw.size();
  if (EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &size) != 1) {
    throw std::runtime_error("cannot take the public key");
  }
  return raw;
}

SigningKey::SigningKey(std::string name, std::string_view seed)
    : seed_(sha256(seed.empty() ? std::string_view(name) : seed)),
      verifier_(value_of(VerifierKey::from_public_key(name, public_key_of_seed(seed_)))) {}

Ed25519Signature SigningKey::sign(std::string_view text) const {
  return sign_with_seed(seed_, text);
}

std::string SigningKey::line(std::string_view text) const {
  return format_signature_line(verifier_, sign(text));
}

std::string sign_note(std::string_view text, const Signers& signers) {
  std::string note(text);
  note += '\n';
  for (const SigningKey& signer : signers) note += signer.line(text);
  return note;
}

std::vector<std::string> vkeys_of(const Signers& signers) {
  std::vector<std::string> keys;
  for (const SigningKey& signer : signers) keys.push_back(signer.vkey());
  return keys;
}

KeyRing ring_of(const Signers& signers, int threshold) {
  KeyRing ring;
  for (const SigningKey& signer : signers) ring.keys.push_back(signer.verifier());
  ring.threshold = threshold;
  return ring;
}

std::string toml_strings(const std::vector<std::string>& strings) {
  std::string text = "[";
  for (const std::string& one : strings) text += (text.size() > 1 ? ", \"" : "\"") + one + '"';
  return text + "]";
}

std::string RootText::text() const {
  // Keys one a line: sixteen of them would pass the longest line allowed.
  const auto keys = [](const std::vector<std::string>& all) {
    std::string lines = "[\n";
    for (const std::string& key : all) lines += "  \"" + key + "\",\n";
    return lines + "]";
  };
  return "format = \"hostspin-root/1\"\nfleet = \"" + fleet +
         "\"\nversion = " + std::to_string(version) + "\nissued = " + issued +
         "\nexpires = " + expires + "\n" + extra +
         "\n[root]\nthreshold = " + std::to_string(root_threshold) + "\nkeys = " + keys(root_keys) +
         "\n" + extra_root + "\n[manifest]\nthreshold = " + std::to_string(manifest_threshold) +
         "\nepoch = " + std::to_string(epoch) + "\nmin_version = " + std::to_string(min_version) +
         "\nkeys = " + keys(manifest_keys) + "\nnames = " + toml_strings(names) +
         "\nnetworks = " + toml_strings(networks) + "\n" + extra_manifest;
}

std::string ServiceText::text() const {
  std::string lines = "\n[[service]]\nname = \"" + name + "\"\n";
  if (!aliases.empty()) lines += "aliases = " + toml_strings(aliases) + "\n";
  return lines + "addresses = " + toml_strings(addresses) + "\n" + extra;
}

std::string ManifestText::text() const {
  std::string lines = "format = \"hostspin-manifest/1\"\nfleet = \"" + fleet +
                      "\"\nepoch = " + std::to_string(epoch) +
                      "\nversion = " + std::to_string(version) +
                      "\nmin_root = " + std::to_string(min_root) + "\nissued = " + issued +
                      "\nexpires = " + expires + "\n" + extra;
  for (const ServiceText& service : services) lines += service.text();
  return lines;
}

TestFleet::TestFleet()
    : root_signers{SigningKey("test/root/r0"), SigningKey("test/root/r1"),
                   SigningKey("test/root/r2")},
      manifest_signers{SigningKey("test/manifest/alice"), SigningKey("test/manifest/bob"),
                       SigningKey("test/manifest/carol")} {}

RootText TestFleet::root(std::int64_t version) const {
  RootText root;
  root.version = version;
  root.root_keys = vkeys_of(root_signers);
  root.manifest_keys = vkeys_of(manifest_signers);
  return root;
}

ManifestText TestFleet::manifest(std::int64_t version) const {
  ManifestText manifest;
  manifest.version = version;
  return manifest;
}

std::string TestFleet::sign(const RootText& root) const {
  return sign_note(root.text(), first_two(root_signers));
}

std::string TestFleet::sign(const ManifestText& manifest) const {
  return sign_note(manifest.text(), first_two(manifest_signers));
}

TrustRoot TestFleet::open_root() const { return open_root(root()); }

TrustRoot TestFleet::open_root(const RootText& root) const {
  return value_of(open_baked_root(sign(root)));
}

AdmittedManifest TestFleet::admit(const ManifestText& manifest) const {
  return admit(manifest, open_root());
}

AdmittedManifest TestFleet::admit(const ManifestText& manifest, const TrustRoot& root) const {
  return value_of(admit_manifest(sign(manifest), root));
}

std::string with(std::string text, std::string_view from, std::string_view to) {
  const std::size_t found = text.find(from);
  if (found == std::string::npos) {
    throw std::runtime_error("not in the text: " + std::string(from));
  }
  return text.replace(found, from.size(), to);
}

std::string read_vector(const std::string& path) {
  const std::string whole = std::string(HOSTSPIN_VECTORS) + "/" + path;
  std::ifstream file(whole, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + whole);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

}  // namespace hostspin::testing
