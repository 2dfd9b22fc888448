#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "console.h"
#include "document.h"
#include "hostspin/manifest.h"
#include "hostspin/root.h"
#include "published.h"

namespace hostspin::desk {

/// Something that clients accept and that deserves a second look. Codes are stable.
struct Finding {
  enum class Level {
    error,    ///< not signed, and refused by `check`, unless --ignore names its code
    warning,  ///< exit 1
    note,     ///< said, no more
  };
  Level level = Level::warning;
  std::string code;     ///< "no-check"
  std::string service;  ///< its name, or empty
  std::string reason;
};

/// "warning".
[[nodiscard]] std::string_view level_name(Finding::Level level);
/// "warning [no-check] db.example.com: no check is given", the level in colour where that is shown.
[[nodiscard]] std::string render(const Finding& finding, const Console& console);
/// Takes the findings of these codes out.
void leave_out(std::vector<Finding>& findings, const std::vector<std::string>& codes);
/// The first finding that is an error, as one that refuses the document.
[[nodiscard]] std::optional<Error> first_error(const std::vector<Finding>& findings);
/// Errc::usage for a code that no finding has.
[[nodiscard]] Result<void> check_lint_codes(const std::vector<std::string>& codes);

/// What lint looks at beside the manifest itself.
struct LintContext {
  std::chrono::sys_seconds now;
  const Manifest* previous = nullptr;     ///< what is published, if known
  std::vector<std::string> source_hosts;  ///< hosts of the URLs that hosts fetch from
};

[[nodiscard]] std::vector<Finding> lint(const Document& document, const Manifest& manifest,
                                        const LintContext& context);

/// What lint looks at beside a root itself.
struct RootLintContext {
  std::chrono::sys_seconds now;
  const RootDocument* before = nullptr;  ///< the root before it, if known
  const Published* published = nullptr;  ///< the manifest that hosts have now, if known
  bool nothing_published = false;        ///< that there is none yet is known
};
[[nodiscard]] std::vector<Finding> lint(const RootDocument& root, const RootLintContext& context);

/// Every code with one line of explanation, for --help and for refusing a misspelt --ignore.
struct LintCode {
  std::string_view code;
  std::string_view meaning;
};
[[nodiscard]] const std::vector<LintCode>& lint_codes();

}  // namespace hostspin::desk
