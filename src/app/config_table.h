#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/result.h"
#include "toml_library.h"

namespace hostspin {

/// One table of a configuration file while it is read. The first refusal is kept, with file, line
/// and key, and makes every later call do nothing; a key that is absent leaves its value as it was.
class ConfigTable {
 public:
  /// `path` is the table's own name, empty for the file as a whole.
  ConfigTable(std::string file, std::string path, const toml::table& table)
      : file_(std::move(file)), path_(std::move(path)), table_(table) {}

  /// Refuses keys that are not `known`, naming the nearest one that is.
  void only(std::span<const std::string_view> known);
  /// At most 4096 printable ASCII characters.
  void text(std::string_view key, std::string& into);
  /// An absolute path.
  void path(std::string_view key, std::string& into);
  void flag(std::string_view key, bool& into);
  void number(std::string_view key, std::int64_t least, std::int64_t most, int& into);
  /// 1 to `entries_max` strings.
  void texts(std::string_view key, std::size_t entries_max, std::vector<std::string>& into);
  void duration(std::string_view key, std::chrono::milliseconds least,
                std::chrono::milliseconds most, std::chrono::milliseconds& into);
  void one_of(std::string_view key, std::string_view first, std::string_view second,
              bool& is_second);
  /// The table at `key`; null where there is none.
  const toml::table* table(std::string_view key);

  [[nodiscard]] const toml::node* node(std::string_view key) const { return table_.get(key); }
  [[nodiscard]] const toml::table& content() const { return table_; }
  [[nodiscard]] const std::string& file() const { return file_; }
  /// "file:line".
  [[nodiscard]] std::string at(const toml::node& node) const;
  /// "refresh.interval".
  [[nodiscard]] std::string name(std::string_view key) const;

  void refuse(const toml::node& node, std::string_view key, std::string why, std::string hint = {});
  void refuse(Error error);
  [[nodiscard]] bool fine() const { return done_.has_value(); }
  /// Errc::bad_config with the first refusal.
  [[nodiscard]] Result<void> done() const { return done_; }

 private:
  std::string file_;
  std::string path_;
  const toml::table& table_;
  Result<void> done_;
};

}  // namespace hostspin
