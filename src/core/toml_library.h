#pragma once

#include <stdexcept>

namespace hostspin {

/// What toml++ assumed of a text and did not hold. A fault of the library's, met with texts as
/// plain as
/// "[%]" or "x = 2026-01-01T": version 3.3 asserts there what it never checked, so that a debug
/// build aborts and a build with NDEBUG is told that it cannot happen. A std::runtime_error like
/// the library's own toml::parse_error.
class TomlAssumptionFailed : public std::runtime_error {
 public:
  TomlAssumptionFailed() : std::runtime_error("malformed key or value") {}
};

[[noreturn]] inline void fail_toml_assumption() { throw TomlAssumptionFailed(); }

}  // namespace hostspin

// The one way to include toml++, with the same meaning in every source: header-only use has one
// copy of each function in the program. TOML_ASSERT is the library's own setting; it counts without
// NDEBUG only.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expr) ((expr) ? static_cast<void>(0) : ::hostspin::fail_toml_assumption())
#include <toml++/toml.h>  // IWYU pragma: export
#pragma pop_macro("NDEBUG")
