#include "config_table.h"

#include <algorithm>
#include <utility>

#include "config.h"
#include "nearest.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kTextBytesMax = 4096;

}  // namespace

std::string ConfigTable::at(const toml::node& node) const {
  return file_ + ":" + std::to_string(node.source().begin.line);
}

std::string ConfigTable::name(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void ConfigTable::refuse(Error error) {
  if (done_) done_ = std::move(error);
}

void ConfigTable::refuse(const toml::node& node, std::string_view key, std::string why,
                         std::string hint) {
  refuse(Error{Errc::bad_config, at(node) + ": " + name(key) + ": " + std::move(why),
               std::move(hint)});
}

void ConfigTable::only(std::span<const std::string_view> known) {
  for (const auto& [key, node] : table_) {
    if (std::find(known.begin(), known.end(), key.str()) != known.end()) continue;
    const std::optional<std::string> meant = nearest(key.str(), {known.begin(), known.end()});
    return refuse(node, quoted(key.str()), "unknown key",
                  (meant ? "did you mean '" + name(*meant) + "'? " : std::string()) +
                      "hostspin.toml(5) lists every key");
  }
}

void ConfigTable::text(std::string_view key, std::string& into) {
  const toml::node* found = table_.get(key);
  if (found == nullptr || !fine()) return;
  const auto* value = found->as_string();
  if (value == nullptr) return refuse(*found, key, "must be a string");
  const bool plain = std::all_of(value->get().begin(), value->get().end(),
                                 [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (!plain || value->get().size() > kTextBytesMax) {
    return refuse(
        *found, key,
        "must be at most " + std::to_string(kTextBytesMax) + " printable ASCII characters");
  }
  into = value->get();
}

void ConfigTable::path(std::string_view key, std::string& into) {
  text(key, into);
  const toml::node* found = table_.get(key);
  if (found != nullptr && fine() && !into.starts_with('/')) {
    refuse(*found, key, "must be an absolute path");
  }
}

void ConfigTable::flag(std::string_view key, bool& into) {
  const toml::node* found = table_.get(key);
  if (found == nullptr || !fine()) return;
  const auto* value = found->as_boolean();
  if (value == nullptr) return refuse(*found, key, "must be true or false");
  into = value->get();
}

void ConfigTable::number(std::string_view key, std::int64_t least, std::int64_t most, int& into) {
  const toml::node* found = table_.get(key);
  if (found == nullptr || !fine()) return;
  const auto* value = found->as_integer();
  if (value == nullptr || value->get() < least || value->get() > most) {
    return refuse(*found, key,
                  "must be a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  into = static_cast<int>(value->get());
}

void ConfigTable::texts(std::string_view key, std::size_t entries_max,
                        std::vector<std::string>& into) {
  const toml::node* found = table_.get(key);
  if (found == nullptr || !fine()) return;
  const toml::array* array = found->as_array();
  if (array == nullptr || array->empty() || array->size() > entries_max) {
    return refuse(*found, key,
                  "must be a list of 1 to " + std::to_string(entries_max) + " strings");
  }
  into.clear();
  for (const toml::node& entry : *array) {
    const auto* value = entry.as_string();
    if (value == nullptr) return refuse(entry, key, "must hold strings only");
    into.push_back(value->get());
  }
}

void ConfigTable::duration(std::string_view key, milliseconds least, milliseconds most,
                           milliseconds& into) {
  std::string written;
  text(key, written);
  const toml::node* found = table_.get(key);
  if (found == nullptr || !fine()) return;
  Result<milliseconds> value = parse_duration(written);
  if (!value) return refuse(*found, key, value.error().detail);
  if (*value < least || *value > most) {
    return refuse(*found, key,
                  "must be from " + std::to_string(least.count()) + "ms to " +
                      std::to_string(most.count() / 1000) + "s");
  }
  into = *value;
}

void ConfigTable::one_of(std::string_view key, std::string_view first, std::string_view second,
                         bool& is_second) {
  std::string value(is_second ? second : first);
  text(key, value);
  if (!fine()) return;
  if (value != first && value != second) {
    return refuse(*table_.get(key), key,
                  "must be \"" + std::string(first) + "\" or \"" + std::string(second) +
                      "\", not " + quoted(value));
  }
  is_second = value == second;
}

const toml::table* ConfigTable::table(std::string_view key) {
  const toml::node* found = table_.get(key);
  if (found == nullptr || !fine()) return nullptr;
  const toml::table* section = found->as_table();
  if (section == nullptr) refuse(*found, key, "must be a table: [" + std::string(key) + "]");
  return section;
}

}  // namespace hostspin
