#pragma once

#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "lint.h"
#include "meaning.h"

namespace hostspin::desk {

/// What `check` found out, as far as it got.
struct Judgement {
  std::string path;
  std::string kind = "note";  ///< "manifest", "root", or "note" for a bare one
  bool draft = false;
  std::vector<std::pair<std::string, std::string>> facts;  ///< shown and in JSON: "fleet", "prod"
  std::string digest;  ///< SHA-256 of the text in hex; empty for a bare note
  std::vector<std::string> signed_by;
  std::optional<int> threshold;
  std::optional<Error> refusal;  ///< why clients would refuse it
  std::vector<Finding> findings;
  bool compared = false;
  std::vector<Change> changes;

  [[nodiscard]] bool has_warnings() const;
  /// kFine, kAttention or kRefused.
  [[nodiscard]] int exit_code() const;
};

/// The verdict in one line, then what stands behind it; or one JSON object, `hostspin.check/1`.
void print(const Judgement& judgement, Console& console);

}  // namespace hostspin::desk
