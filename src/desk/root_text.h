#pragma once

#include <string>

#include "hostspin/root.h"

namespace hostspin::desk {

/// A root's text as this tool writes it: hand-editable, one key a line. It is not checked: give it
/// to parse_root_text().
[[nodiscard]] std::string write_root_text(const RootDocument& root);

/// `"a", "b"` in TOML's basic strings; the items must be printable ASCII.
[[nodiscard]] std::string toml_string(std::string_view text);

}  // namespace hostspin::desk
