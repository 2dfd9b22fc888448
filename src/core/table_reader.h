#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/result.h"
#include "hostspin/root.h"
#include "toml_read.h"

namespace hostspin {

/// The largest integer a document may hold: what every program that reads JSON numbers can, too.
inline constexpr std::int64_t kIntegerMax = (std::int64_t{1} << 53) - 1;

/// Reads a table's keys by name and keeps the first fault, so that a document's fields can be
/// filled in without a branch each: after a fault every getter gives an empty value, and finish()
/// tells.
class TableReader {
 public:
  /// `where` goes before each detail, such as "service 3 ('db.example')"; it may be empty. `table`
  /// must outlive the reader.
  TableReader(const TomlValue& table, std::string where, Errc code);

  // Required keys.
  std::string string(std::string_view key);
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max = kIntegerMax);
  std::chrono::sys_seconds time(std::string_view key);
  const TomlValue* table(std::string_view key);
  const std::vector<TomlValue>& array(std::string_view key, std::size_t items_max);

  // Optional ones.
  bool has(std::string_view key) const;
  const TomlValue* find(std::string_view key);
  std::optional<std::string> optional_string(std::string_view key);
  std::optional<std::int64_t> optional_integer(std::string_view key, std::int64_t min,
                                               std::int64_t max = kIntegerMax);
  std::optional<bool> optional_boolean(std::string_view key);

  /// Adds what is known of the place to names that are only learnt while reading.
  void set_where(std::string where) { where_ = std::move(where); }
  /// The line of a key's value, 0 if it is absent.
  [[nodiscard]] std::size_t line_of(std::string_view key) const;

  /// Notes a fault of the caller's own finding; only the first counts.
  void fail(std::size_t line, std::string_view detail);
  void fail(Error error);
  /// The same for a fault that a parser found in the value at `line`: its words; its code too,
  /// unless it is Errc::usage, which means a malformed value.
  void fail(std::size_t line, const Error& fault);
  [[nodiscard]] bool failed() const { return fault_.has_value(); }

  /// The first fault, or with UnknownKeys::refuse the first key that nobody asked for.
  Result<void> finish(UnknownKeys unknown);

 private:
  const TomlValue* require(std::string_view key, TomlValue::Kind kind);
  /// A hint where an unread key looks like the missing `key`.
  [[nodiscard]] std::string misspelled(std::string_view key) const;
  void fail_kind(const TomlValue& value, std::string_view key, TomlValue::Kind kind);
  std::int64_t check_range(const TomlValue& value, std::string_view key, std::int64_t min,
                           std::int64_t max);

  const TomlValue* table_;
  std::string where_;
  Errc code_;
  std::vector<std::string> asked_;
  std::optional<Error> fault_;
};

/// "line 12: service 3 ('db.example'): DETAIL"; a line of 0 and an empty place are left out.
[[nodiscard]] std::string at_place(std::size_t line, std::string_view where,
                                   std::string_view detail);

/// "a string", "an integer" and so on.
[[nodiscard]] std::string_view kind_words(TomlValue::Kind kind);

/// `issued < expires ≤ issued + limit`, for both documents.
void check_lifetime(TableReader& in, std::chrono::sys_seconds issued,
                    std::chrono::sys_seconds expires, std::chrono::days limit);

/// `fleet` as both documents have it: `[a-z0-9.-]{1,64}`.
[[nodiscard]] std::string read_fleet(TableReader& in);

}  // namespace hostspin
