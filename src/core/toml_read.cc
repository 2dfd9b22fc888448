#include "toml_read.h"

#include <algorithm>
#include <exception>
#include <optional>

#include "toml_guard.h"
#include "toml_library.h"

namespace hostspin {
namespace {

using std::chrono::sys_seconds;

/// The text that was parsed, by line: the library keeps positions, not what stood there.
class Source {
 public:
  explicit Source(std::string_view text) : text_(text), starts_{0} {
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '\n') starts_.push_back(at + 1);
    }
  }

  /// From `place` on. Columns count code points, which are bytes in printable ASCII.
  [[nodiscard]] std::string_view from(const toml::source_position& place) const {
    if (place.line == 0 || place.line > starts_.size() || place.column == 0) return {};
    const std::size_t at = starts_[place.line - 1] + place.column - 1;
    return at < text_.size() ? text_.substr(at) : std::string_view();
  }

 private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

/// Whether the value at the front of `written` is written as 2026-10-01T12:00:00Z: the library
/// reads `Z` and `+00:00`, "00" and "00.000" alike. RFC 3339's other separators are TOML's too.
bool is_utc_whole_seconds(std::string_view written) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
  if (written.size() < kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const char c = written[i];
    const bool fits = kForm[i] == 'd'   ? (c >= '0' && c <= '9')
                      : kForm[i] == 'T' ? (c == 'T' || c == 't' || c == ' ')
                                        : c == kForm[i];
    if (!fits) return false;
  }
  return true;
}

std::optional<sys_seconds> to_time(const toml::date_time& value, std::string_view written) {
  if (!value.offset || value.offset->minutes != 0) return std::nullopt;
  if (!is_utc_whole_seconds(written)) return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year(value.date.year),
                                        std::chrono::month(value.date.month),
                                        std::chrono::day(value.date.day)};
  if (!day.ok()) return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(value.time.hour) +
         std::chrono::minutes(value.time.minute) + std::chrono::seconds(value.time.second);
}

/// The first text of `value`, a key or a string, that has more than printable ASCII. The bytes of a
/// document are such, but TOML's escapes can say anything: what turns a line around, has no width
/// or ends a line would show a signer something else than what is signed.
std::optional<TomlEntry> find_unprintable(const TomlValue& value) {
  const auto is_printable = [](const std::string& text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  };
  if (!is_printable(value.text)) return TomlEntry{value.text, value.line, {}};
  for (const TomlValue& item : value.items) {
    if (auto found = find_unprintable(item)) return found;
  }
  for (const TomlEntry& entry : value.entries) {
    if (!is_printable(entry.key)) return TomlEntry{entry.key, entry.line, {}};
    if (auto found = find_unprintable(entry.value)) return found;
  }
  return std::nullopt;
}

TomlValue convert(const toml::node& node, const Source& source);

std::vector<TomlEntry> convert_entries(const toml::table& table, const Source& source) {
  struct Placed {
    toml::source_position at;
    TomlEntry entry;
  };
  std::vector<Placed> placed;
  placed.reserve(table.size());
  for (const auto& [key, value] : table) {
    placed.push_back({key.source().begin,
                      {std::string(key.str()), key.source().begin.line, convert(value, source)}});
  }
  // The library sorts by key; people, and the choice of a check's kind, go by the order of the
  // text.
  std::stable_sort(placed.begin(), placed.end(),
                   [](const Placed& a, const Placed& b) { return a.at < b.at; });
  std::vector<TomlEntry> entries;
  entries.reserve(placed.size());
  for (Placed& one : placed) entries.push_back(std::move(one.entry));
  return entries;
}

// Recursion is bounded by check_toml_shape().
TomlValue convert(const toml::node& node, const Source& source) {
  using Kind = TomlValue::Kind;
  TomlValue value;
  value.line = node.source().begin.line;
  if (const auto* string = node.as_string()) {
    value.kind = Kind::string;
    value.text = string->get();
  } else if (const auto* integer = node.as_integer()) {
    value.kind = Kind::integer;
    value.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value.kind = Kind::boolean;
    value.boolean = boolean->get();
  } else if (const auto* time = node.as_date_time()) {
    value.kind = Kind::time;
    value.time = to_time(time->get(), source.from(node.source().begin));
  } else if (node.is_date() || node.is_time()) {
    value.kind = Kind::time;
  } else if (const auto* array = node.as_array()) {
    value.kind = Kind::array;
    for (const toml::node& item : *array) value.items.push_back(convert(item, source));
  } else if (const auto* table = node.as_table()) {
    value.kind = Kind::table;
    value.entries = convert_entries(*table, source);
  }
  return value;
}

}  // namespace

std::string toml_complaint(std::string_view said) {
  constexpr std::size_t kBytesMax = 200;
  std::string line(said.substr(0, kBytesMax));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return line;
}

Result<TomlValue> read_toml(std::string_view text, Errc code) {
  if (Result<void> shape = check_toml_shape(text, code); !shape) return std::move(shape).error();
  try {
    const toml::table table = toml::parse(text);
    TomlValue value = convert(table, Source(text));
    if (const auto found = find_unprintable(value)) {
      return {code,
              "line " + std::to_string(found->line) + ": " + quoted(found->key) +
                  " has a character that is not printable ASCII",
              "write it in plain ASCII, without escapes for anything else"};
    }
    return value;
  } catch (const toml::parse_error& fault) {
    return {code, "line " + std::to_string(fault.source().begin.line) +
                      ": not TOML: " + toml_complaint(fault.description())};
  } catch (const std::exception& fault) {
    return {code, "not TOML: " + toml_complaint(fault.what())};
  }
}

}  // namespace hostspin
