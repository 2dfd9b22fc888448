#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

/// A name that may stand in a hosts file: lower-case letters, digits and hyphens in labels of 1–63
/// (RFC 1123 section 2.1), at most 253 bytes, no trailing dot, last label no number in any base
/// ("0x7f000001", "10.0.0.0x1").
class HostName {
 public:
  /// Errc::usage with the reason.
  static Result<HostName> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }
  // clang-tidy 14 takes what the compiler writes here for a null pointer constant.
  auto operator<=>(const HostName&) const = default;  // NOLINT(modernize-use-nullptr)

 private:
  explicit HostName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// Whether `name` may never be pinned, whoever signs: `localhost`, also with digits, as any label, `ip6-*`, `_gateway`.
[[nodiscard]] bool is_reserved(const HostName& name);

/// One entry of a root's `names`: an exact name, or `*.x` for any name strictly below x.
class NamePattern {
 public:
  static Result<NamePattern> parse(std::string_view text);

  [[nodiscard]] bool matches(const HostName& name) const;
  [[nodiscard]] const std::string& text() const { return text_; }
  bool operator==(const NamePattern&) const = default;

 private:
  explicit NamePattern(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace hostspin
