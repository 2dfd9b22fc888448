#pragma once

#include <string>
#include <vector>

#include "command.h"
#include "document.h"

namespace hostspin::desk {

/// Who signs, and by what: key files, a program, or a signature made elsewhere.
class SignerOptions {
 public:
  void declare(OptionSet& options);
  /// Errc::usage where it is not said who signs, or whose signature it will be.
  [[nodiscard]] Result<void> check() const;
  /// Signs document.text as it is in memory, verifies what came out, and appends it. Returns the
  /// signers' keys.
  Result<std::vector<VerifierKey>> sign(Desk& desk, Document& document) const;

 private:
  [[nodiscard]] Result<Ed25519Signature> foreign_signature(Desk& desk,
                                                           const Document& document) const;

  std::vector<std::string> keys_;
  std::string name_;
  PassphraseOptions passphrase_;
  std::vector<std::string> command_;
  std::string import_;
  std::string vkey_;
};

}  // namespace hostspin::desk
