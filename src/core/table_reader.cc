#include "table_reader.h"

#include <algorithm>

#include "nearest.h"

namespace hostspin {
namespace {

using std::chrono::sys_seconds;
using Kind = TomlValue::Kind;

constexpr std::size_t kFleetBytesMax = 64;
constexpr std::string_view kKeysHint = "hostspin-manifest(5) and hostspin-trust(7) list every key";

constexpr sys_seconds kTimeMin = std::chrono::sys_days(std::chrono::year(2020) / 1 / 1);
constexpr sys_seconds kTimeEnd = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);

const TomlEntry* find_entry(const TomlValue& table, std::string_view key) {
  const auto found = std::find_if(table.entries.begin(), table.entries.end(),
                                  [&](const TomlEntry& entry) { return entry.key == key; });
  return found == table.entries.end() ? nullptr : &*found;
}

}  // namespace

std::string at_place(std::size_t line, std::string_view where, std::string_view detail) {
  std::string text;
  if (line != 0) text += "line " + std::to_string(line) + ": ";
  if (!where.empty()) {
    text += where;
    text += ": ";
  }
  text += detail;
  return text;
}

std::string_view kind_words(Kind kind) {
  switch (kind) {
    case Kind::string:
      return "a string";
    case Kind::integer:
      return "an integer";
    case Kind::boolean:
      return "true or false";
    case Kind::time:
      return "a time such as 2026-10-01T12:00:00Z";
    case Kind::array:
      return "an array";
    case Kind::table:
      return "a table";
    case Kind::other:
      return "a float";
  }
  return {};
}

TableReader::TableReader(const TomlValue& table, std::string where, Errc code)
    : table_(&table), where_(std::move(where)), code_(code) {}

std::string TableReader::string(std::string_view key) {
  const TomlValue* value = require(key, Kind::string);
  return value == nullptr ? std::string() : value->text;
}

std::int64_t TableReader::integer(std::string_view key, std::int64_t min, std::int64_t max) {
  const TomlValue* value = require(key, Kind::integer);
  return value == nullptr ? min : check_range(*value, key, min, max);
}

sys_seconds TableReader::time(std::string_view key) {
  const TomlValue* value = require(key, Kind::time);
  if (value == nullptr) return {};
  if (!value->time) {
    fail_kind(*value, key, Kind::time);
    return {};
  }
  if (*value->time < kTimeMin || *value->time >= kTimeEnd) {
    fail(value->line, quoted(key) + " must lie in the years 2020 to 2199");
    return {};
  }
  return *value->time;
}

const TomlValue* TableReader::table(std::string_view key) { return require(key, Kind::table); }

const std::vector<TomlValue>& TableReader::array(std::string_view key, std::size_t items_max) {
  static const std::vector<TomlValue> kNone;
  const TomlValue* value = require(key, Kind::array);
  if (value == nullptr) return kNone;
  if (value->items.empty() || value->items.size() > items_max) {
    fail(value->line, quoted(key) + " must have 1 to " + std::to_string(items_max) +
                          " entries, it has " + std::to_string(value->items.size()));
    return kNone;
  }
  return value->items;
}

bool TableReader::has(std::string_view key) const { return find_entry(*table_, key) != nullptr; }

const TomlValue* TableReader::find(std::string_view key) {
  asked_.emplace_back(key);
  const TomlEntry* entry = find_entry(*table_, key);
  return entry == nullptr ? nullptr : &entry->value;
}

std::optional<std::string> TableReader::optional_string(std::string_view key) {
  if (find(key) == nullptr) return std::nullopt;
  return string(key);
}

std::optional<std::int64_t> TableReader::optional_integer(std::string_view key, std::int64_t min,
                                                          std::int64_t max) {
  if (find(key) == nullptr) return std::nullopt;
  return integer(key, min, max);
}

std::optional<bool> TableReader::optional_boolean(std::string_view key) {
  if (find(key) == nullptr) return std::nullopt;
  const TomlValue* value = require(key, Kind::boolean);
  return value != nullptr && value->boolean;
}

std::size_t TableReader::line_of(std::string_view key) const {
  const TomlEntry* entry = find_entry(*table_, key);
  return entry == nullptr ? 0 : entry->value.line;
}

void TableReader::fail(std::size_t line, std::string_view detail) {
  fail(Error{code_, at_place(line, where_, detail)});
}

void TableReader::fail(Error error) {
  if (!fault_) fault_ = std::move(error);
}

void TableReader::fail(std::size_t line, const Error& fault) {
  fail(Error{fault.code == Errc::usage ? code_ : fault.code, at_place(line, where_, fault.detail),
             fault.hint});
}

Result<void> TableReader::finish(UnknownKeys unknown) {
  if (unknown == UnknownKeys::refuse && !fault_) {
    for (const TomlEntry& entry : table_->entries) {
      if (std::find(asked_.begin(), asked_.end(), entry.key) == asked_.end()) {
        fail(Error{code_, at_place(entry.line, where_, "unknown key " + quoted(entry.key)),
                   did_you_mean(entry.key, asked_) + std::string(kKeysHint)});
      }
    }
  }
  if (fault_) return *fault_;
  return {};
}

const TomlValue* TableReader::require(std::string_view key, Kind kind) {
  const TomlValue* value = find(key);
  if (value == nullptr) {
    fail(Error{code_,
               at_place(where_.empty() ? 0 : table_->line, where_,
                        "the key " + quoted(key) + " is missing"),
               misspelled(key)});
    return nullptr;
  }
  if (value->kind != kind) {
    fail_kind(*value, key, kind);
    return nullptr;
  }
  return value;
}

// A slip in a key that must be there is found before anything is known of the others.
std::string TableReader::misspelled(std::string_view key) const {
  std::vector<std::string> others;
  for (const TomlEntry& entry : table_->entries) {
    if (std::find(asked_.begin(), asked_.end(), entry.key) == asked_.end()) {
      others.push_back(entry.key);
    }
  }
  const std::optional<std::string> slip = nearest(key, others);
  return slip ? "is " + quoted(*slip) + " meant to be " + quoted(key) + "?" : std::string();
}

void TableReader::fail_kind(const TomlValue& value, std::string_view key, Kind kind) {
  std::string detail = quoted(key) + " must be ";
  detail += kind_words(kind);
  if (value.kind != kind && value.kind != Kind::time) {
    detail += ", it is ";
    detail += kind_words(value.kind);
  } else if (kind == Kind::time) {
    detail += ", in UTC with 'Z' and in whole seconds";
  }
  fail(value.line, detail);
}

std::int64_t TableReader::check_range(const TomlValue& value, std::string_view key,
                                      std::int64_t min, std::int64_t max) {
  if (value.integer >= min && value.integer <= max) return value.integer;
  fail(value.line, quoted(key) + " is " + std::to_string(value.integer) + ", it must be " +
                       std::to_string(min) + " to " + std::to_string(max));
  return min;
}

void check_lifetime(TableReader& in, sys_seconds issued, sys_seconds expires,
                    std::chrono::days limit) {
  if (in.failed()) return;
  if (expires <= issued) {
    in.fail(in.line_of("expires"), "'expires' must be later than 'issued'");
  } else if (expires > issued + limit) {
    in.fail(in.line_of("expires"),
            "'expires' must be at most " + std::to_string(limit.count()) + " days after 'issued'");
  }
}

std::string read_fleet(TableReader& in) {
  std::string fleet = in.string("fleet");
  const bool fits =
      !fleet.empty() && fleet.size() <= kFleetBytesMax &&
      std::all_of(fleet.begin(), fleet.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
      });
  if (!fits) in.fail(in.line_of("fleet"), "fleet " + quoted(fleet) + " is not [a-z0-9.-]{1,64}");
  return fleet;
}

}  // namespace hostspin
