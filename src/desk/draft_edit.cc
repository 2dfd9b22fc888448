#include "draft_edit.h"

#include <algorithm>

#include "hostspin/time_text.h"
#include "words.h"

namespace hostspin::desk {
namespace {

struct Span {
  std::size_t start = 0;
  std::size_t size = 0;
};

/// Where VALUE stands in the line `key = VALUE # comment`; size 0 if it is no such line.
Span value_in(std::string_view line, std::string_view key) {
  std::size_t at = line.find_first_not_of(' ');
  if (at == std::string_view::npos || !line.substr(at).starts_with(key)) return {};
  at = line.find_first_not_of(' ', at + key.size());
  if (at == std::string_view::npos || line[at] != '=') return {};
  at = line.find_first_not_of(' ', at + 1);
  if (at == std::string_view::npos || line[at] == '#') return {};
  const std::string_view rest = line.substr(at);
  return {at, trim(rest.substr(0, rest.find('#'))).size()};
}

bool starts_table(std::string_view line) { return trim(line).starts_with('['); }

}  // namespace

Result<std::string> set_value(std::string_view text, std::string_view key, std::string_view value) {
  const std::string named(key);
  Span found;
  std::size_t start = 0;
  for (const std::string_view line : lines_of(text)) {
    if (starts_table(line)) break;
    const Span span = value_in(line, key);
    if (span.size > 0 && found.size > 0) {
      return {Errc::usage, "there are two lines of '" + named + "'", "take one of them out"};
    }
    if (span.size > 0) found = {start + span.start, span.size};
    start += line.size() + 1;
  }
  if (found.size == 0) {
    return {Errc::usage, "there is no line '" + named + " = …' before the first table",
            "write it as a line of its own, below 'format'"};
  }
  std::string edited(text);
  return edited.replace(found.start, found.size, value);
}

Result<std::string> set_edition(std::string_view text, std::int64_t version,
                                std::chrono::sys_seconds issued, std::chrono::sys_seconds expires) {
  Result<std::string> edited = set_value(text, "version", std::to_string(version));
  if (edited) edited = set_value(*edited, "issued", format_utc(issued));
  if (edited) edited = set_value(*edited, "expires", format_utc(expires));
  return edited;
}

}  // namespace hostspin::desk
