#include "hostspin/host_name.h"

#include <algorithm>

namespace hostspin {
namespace {

constexpr std::size_t kNameBytesMax = 253;
constexpr std::size_t kLabelBytesMax = 63;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || is_digit(c); }

/// Whether inet_aton(3) and what follows it (WHATWG's URLs, too) read the label as a number, and a
/// name that ends in it as an address.
bool is_hexadecimal(std::string_view label) {
  return label.starts_with("0x") &&
         label.find_first_not_of("0123456789abcdef", 2) == std::string_view::npos;
}

bool is_localhost(std::string_view label) {
  constexpr std::string_view kLocalhost = "localhost";  // and localhost4, localhost6
  return label.starts_with(kLocalhost) &&
         std::all_of(label.begin() + kLocalhost.size(), label.end(), is_digit);
}

/// Why `label` is none; empty if it is one.
std::string_view label_fault(std::string_view label) {
  if (label.empty()) return "an empty label";
  if (label.size() > kLabelBytesMax) return "a label above 63 bytes";
  for (const char c : label) {
    if (c >= 'A' && c <= 'Z') return "an upper-case letter";
    if (!is_letter_or_digit(c) && c != '-') {
      return "a byte other than lower-case letters, digits and '-'";
    }
  }
  if (label.front() == '-' || label.back() == '-') return "a label that begins or ends with '-'";
  return {};
}

/// Calls `visit` with each label until it returns false; false if it did.
template <typename Visit>
bool for_each_label(std::string_view name, Visit visit) {
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!visit(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

Result<HostName> HostName::parse(std::string_view text) {
  const auto refuse = [&](std::string_view fault) {
    std::string detail = quoted(text) + " is not a host name: ";
    detail += fault;
    return Error{Errc::usage, std::move(detail)};
  };

  if (text.empty()) return refuse("it is empty");
  if (text.size() > kNameBytesMax) return refuse("longer than 253 bytes");
  if (text.back() == '.') return refuse("a trailing dot");
  std::string_view fault;
  std::string_view last;
  for_each_label(text, [&](std::string_view label) {
    fault = label_fault(label);
    last = label;
    return fault.empty();
  });
  if (!fault.empty()) return refuse(fault);
  // A last label of digits makes programs take the name for an address (RFC 1123 section 2.1).
  if (std::all_of(last.begin(), last.end(), is_digit))
    return refuse("the last label is all digits");
  if (is_hexadecimal(last)) return refuse("the last label is a hexadecimal number");
  return HostName(std::string(text));
}

bool is_reserved(const HostName& name) {
  // Distributions give these names to loopback and multicast addresses. systemd's `_gateway` is on
  // the list as well, but its underscore keeps it from ever being a HostName.
  if (name.text().starts_with("ip6-")) return true;
  return !for_each_label(name.text(), [](std::string_view label) { return !is_localhost(label); });
}

Result<NamePattern> NamePattern::parse(std::string_view text) {
  if (text == "*") return {Errc::usage, "'*' would allow every name"};
  const std::string_view name = text.starts_with("*.") ? text.substr(2) : text;
  Result<HostName> parsed = HostName::parse(name);
  if (!parsed) return annotate(std::move(parsed).error(), quoted(text) + " is not a name pattern");
  return NamePattern(std::string(text));
}

bool NamePattern::matches(const HostName& name) const {
  if (!text_.starts_with('*')) return name.text() == text_;
  // "*.x" against "a.x": the part from the dot on must be the name's end, with something before it.
  const std::string_view below = std::string_view(text_).substr(1);
  return name.text().size() > below.size() && name.text().ends_with(below);
}

}  // namespace hostspin
