#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "document.h"
#include "hostspin/manifest.h"
#include "hostspin/root.h"

namespace hostspin::desk {

/// Something that clients accept and that deserves a second look. Codes are stable.
struct Finding {
  enum class Level {
    warning,  ///< exit 1
    note,     ///< said, no more
  };
  Level level = Level::warning;
  std::string code;     ///< "no-check"
  std::string service;  ///< its name, or empty
  std::string reason;
};

/// What lint looks at beside the manifest itself.
struct LintContext {
  std::chrono::sys_seconds now;
  const Manifest* previous = nullptr;     ///< what is published, if known
  std::vector<std::string> source_hosts;  ///< hosts of the URLs that hosts fetch from
};

[[nodiscard]] std::vector<Finding> lint(const Document& document, const Manifest& manifest,
                                        const LintContext& context);
[[nodiscard]] std::vector<Finding> lint(const RootDocument& root, std::chrono::sys_seconds now);

/// Every code with one line of explanation, for --help and for refusing a misspelt --ignore.
struct LintCode {
  std::string_view code;
  std::string_view meaning;
};
[[nodiscard]] const std::vector<LintCode>& lint_codes();

}  // namespace hostspin::desk
