#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/result.h"

namespace hostspin {

struct TomlEntry;

/// A TOML value as hostspin's documents use it, free of the library's types.
struct TomlValue {
  enum class Kind { string, integer, boolean, time, array, table, other };
  Kind kind = Kind::other;
  std::size_t line = 0;  ///< 1-based, in the text
  std::string text;      ///< string
  std::int64_t integer = 0;
  bool boolean = false;
  /// time: a moment written with `Z` in whole seconds; empty for any other form of date or time.
  std::optional<std::chrono::sys_seconds> time;
  std::vector<TomlValue> items;    ///< array
  std::vector<TomlEntry> entries;  ///< table, in the order of the text
};

struct TomlEntry {
  std::string key;
  std::size_t line = 0;
  TomlValue value;
};

/// Parses a text that is already believed. check_toml_shape() is run first, so the stack needed is
/// bounded whatever the text says. Errors have `code` and name the line.
Result<TomlValue> read_toml(std::string_view text, Errc code);

/// What the library says of a text, fit for one line of a terminal: it repeats bytes of the text as
/// they are.
[[nodiscard]] std::string toml_complaint(std::string_view said);

}  // namespace hostspin
