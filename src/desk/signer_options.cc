#include "signer_options.h"

#include <algorithm>

#include "desk_files.h"
#include "external_signer.h"
#include "private_key.h"
#include "rules.h"
#include "verifier_argument.h"
#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kSignatureFileBytesMax = 4096;

Result<void> append(Desk& desk, Document& document, const VerifierKey& key,
                    const Ed25519Signature& signature) {
  const Result<Appended> appended = append_signature(document, key, signature);
  if (!appended) return appended.error();
  if (*appended == Appended::present) {
    desk.console.note(key.name() + " has signed this text already");
  }
  return {};
}

}  // namespace

void SignerOptions::declare(OptionSet& options) {
  options.repeated("-k,--key", keys_);
  options.option("--name", name_);
  passphrase_.declare(options, false);
  options.repeated("--signer-cmd", command_);
  options.option("--import-signature", import_);
  options.option("--vkey", vkey_);
  options.exclusive("--key", "--signer-cmd");
  options.exclusive("--key", "--import-signature");
  options.exclusive("--key", "--vkey");
  options.exclusive("--signer-cmd", "--import-signature");
}

Result<void> SignerOptions::check() const {
  if (keys_.empty() && command_.empty() && import_.empty()) {
    return {Errc::usage, "nothing was given to sign with",
            "give --key KEY, --signer-cmd CMD --vkey VKEY, or --import-signature SIG --vkey VKEY"};
  }
  if (keys_.empty() && vkey_.empty()) {
    return {Errc::usage, "whose signature it will be is not said",
            "give the signer's verifier key with --vkey ('hostspin-sign vkey' prints it)"};
  }
  return {};
}

Result<std::vector<VerifierKey>> SignerOptions::sign(Desk& desk, Document& document) const {
  std::vector<VerifierKey> signers;
  for (const std::string& path : keys_) {
    const Result<SigningKey> key = load_signing_key(path, name_, passphrase_.source());
    if (!key) return key.error();
    const Result<Ed25519Signature> signature = key->secret.sign(document.text);
    if (!signature) return signature.error();
    Result<void> added = append(desk, document, key->verifier, *signature);
    if (!added) return std::move(added).error();
    signers.push_back(key->verifier);
  }
  if (!keys_.empty()) return signers;

  Result<VerifierKey> key = read_verifier_argument(vkey_);
  if (!key) return annotate(std::move(key).error(), "--vkey");
  if (key->is_opaque()) {
    return {Errc::bad_key, quoted(key->name()) + " is not an Ed25519 key", "give one that is"};
  }
  const Result<Ed25519Signature> signature = foreign_signature(desk, document);
  if (!signature) return signature.error();
  Result<void> added = append(desk, document, *key, *signature);
  if (!added) return std::move(added).error();
  signers.push_back(*std::move(key));
  return signers;
}

Result<Ed25519Signature> SignerOptions::foreign_signature(Desk& desk,
                                                          const Document& document) const {
  if (!import_.empty()) {
    const Result<std::string> bytes = read_document(import_, kSignatureFileBytesMax);
    if (!bytes) return bytes.error();
    Result<Ed25519Signature> signature = read_signature(*bytes);
    if (!signature) return annotate(std::move(signature).error(), shown_path(import_));
    return signature;
  }
  const std::vector<std::string> words =
      command_.size() == 1 ? split_blanks(command_[0]) : command_;
  const bool is_kms = std::any_of(words.begin(), words.end(), [](const std::string& word) {
    return word.find("kms") != std::string::npos;
  });
  if (is_kms && document.text.size() > kKmsTextBytesMax) {
    desk.console.warning("the text has " + std::to_string(document.text.size()) +
                         " bytes; AWS KMS signs at most 4096");
  }
  return run_signer(words, document.text);
}

}  // namespace hostspin::desk
