#include "toml_guard.h"

#include <string>

namespace hostspin {
namespace {

enum class Where { plain, basic_string, literal_string, comment };

/// Follows a TOML text byte by byte, as far as telling strings and comments from the rest needs it.
/// A line feed ends all three, since multi-line strings are refused; where the parser disagrees it
/// has met an error and stops.
class Scanner {
 public:
  /// The fault that `c` makes; empty if none.
  std::string_view step(char c) {
    if (c == '\n') {
      where_ = Where::plain;
      escaped_ = false;
      dots_ = 0;
      return {};
    }
    // The library (3.3) assumes of some of these what does not hold, which is undefined behaviour;
    // strings are no exception, since where one begins the library may think otherwise.
    if (c < 0 && where_ != Where::comment) return "a byte outside ASCII, outside comments";
    switch (where_) {
      case Where::comment:
        return {};
      case Where::literal_string:
        if (c == '\'') where_ = Where::plain;
        return {};
      case Where::basic_string:
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          where_ = Where::plain;
        }
        return {};
      case Where::plain:
        return step_plain(c);
    }
    return {};
  }

 private:
  std::string_view step_plain(char c) {
    switch (c) {
      case '#':
        where_ = Where::comment;
        return {};
      case '"':
        where_ = Where::basic_string;
        return {};
      case '\'':
        where_ = Where::literal_string;
        return {};
      case '.':
        if (++dots_ >= kDottedSegmentsMax) return "more than 8 dotted segments";
        return {};
      case '[':
      case '{':
        dots_ = 0;
        if (++open_ > kOpenBracketsMax) return "more than 8 open brackets";
        return {};
      case ']':
      case '}':
        dots_ = 0;
        if (open_ > 0) --open_;
        return {};
      case '=':
      case ',':
        dots_ = 0;
        return {};
      default:
        return {};
    }
  }

  Where where_ = Where::plain;
  bool escaped_ = false;
  std::size_t dots_ = 0;
  std::size_t open_ = 0;
};

}  // namespace

Result<void> check_toml_shape(std::string_view text, Errc code) {
  Scanner scanner;
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view three = text.substr(at, 3);
    std::string_view fault;
    if (three == R"(""")" || three == "'''") {
      fault = "a multi-line string";
    } else {
      fault = scanner.step(text[at]);
    }
    if (!fault.empty()) {
      std::string detail = "line " + std::to_string(line) + ": ";
      detail += fault;
      return {code, std::move(detail)};
    }
    if (text[at] == '\n') ++line;
  }
  return {};
}

}  // namespace hostspin
