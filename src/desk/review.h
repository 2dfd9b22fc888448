#pragma once

#include <string>
#include <vector>

#include "console.h"
#include "lint.h"
#include "meaning.h"
#include "option_set.h"

namespace hostspin::desk {

/// All that a signer is shown of a document, before anything is signed.
struct Review {
  std::string heading;               ///< "manifest 42 of fleet prod: epoch 1, expires …"
  std::vector<std::string> content;  ///< every service, or all that a root says
  std::string compared_with;         ///< what the changes are against; empty if nothing is known
  bool previous_is_stale = false;    ///< --previous is older than that
  std::vector<Change> changes;
  std::vector<Finding> findings;
  std::string digest;  ///< SHA-256 of the text in 64 hex digits
};

/// Prints it on standard error, --quiet or not.
void show(const Review& review, Console& console);

/// Whether the operator agrees to sign what was shown.
struct Consent {
  bool yes = false;    ///< --yes: without being asked
  std::string digest;  ///< --sha256: if the text is that one

  void declare(OptionSet& options);
  /// Errc::usage for a digest that is none.
  [[nodiscard]] Result<void> check() const;
  /// Errc::usage unless the operator agrees: by an option, or on the terminal.
  [[nodiscard]] Result<void> ask(const Review& review, Console& console) const;
};

}  // namespace hostspin::desk
