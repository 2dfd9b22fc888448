#include "foreign_form.h"

#include <algorithm>
#include <array>
#include <string>

#include "entry.h"
#include "markers.h"

namespace hostspin {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kBeginningBytes = 512;  // a page says early that it is one

bool is_html(std::string_view bytes) {
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || bytes[first] != '<') return false;
  const std::string start = to_lower(bytes.substr(first, kBeginningBytes));
  constexpr std::array kTags{"<!doctype html"sv, "<html"sv, "<head"sv, "<body"sv, "<title"sv};
  return std::any_of(kTags.begin(), kTags.end(),
                     [&](std::string_view tag) { return start.find(tag) != std::string::npos; });
}

/// By its mark, or by a NUL beside each of its first letters.
bool is_utf16(std::string_view bytes) {
  if (bytes.starts_with("\xff\xfe"sv) || bytes.starts_with("\xfe\xff"sv)) return true;
  if (bytes.size() < 8) return false;
  const auto has_letters_at = [&](std::size_t place) {
    for (std::size_t i = 0; i < 8; ++i) {
      if ((bytes[i] == '\0') != (i % 2 != place)) return false;
    }
    return true;
  };
  return has_letters_at(0) || has_letters_at(1);
}

bool has_crlf(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  return end != std::string_view::npos && end > 0 && bytes[end - 1] == '\r';
}

}  // namespace

std::optional<ForeignForm> foreign_form(std::string_view bytes) {
  if (bytes.starts_with("\x1f\x8b"sv)) {
    return ForeignForm{"is compressed with gzip",
                       "serve and store notes as they are, without Content-Encoding",
                       "unpack it first, with gunzip"};
  }
  if (is_utf16(bytes)) {
    return ForeignForm{"is UTF-16 text",
                       "take the file that was signed, not one that an editor has saved",
                       "convert it first: iconv -f UTF-16 -t UTF-8 FILE"};
  }
  if (bytes.starts_with(kByteOrderMark)) {
    return ForeignForm{
        "begins with a byte order mark",
        "take the file that was signed, not one that an editor has saved",
        "save it as UTF-8 without a byte order mark: sed '1s/^\\xef\\xbb\\xbf//' FILE"};
  }
  if (is_html(bytes)) {
    return ForeignForm{"is a web page (HTML)",
                       "a source must answer 404 for a file that it lacks, and no page of its own",
                       "save the file itself, not the page that shows it"};
  }
  if (has_crlf(bytes)) {
    return ForeignForm{"has CRLF line ends",
                       "line ends are signed too: transfer notes unchanged, in git with '* -text'",
                       ""};
  }
  return std::nullopt;
}

}  // namespace hostspin
