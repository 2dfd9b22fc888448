#pragma once

#include <optional>
#include <string_view>

namespace hostspin {

/// What bytes evidently are that somebody takes for text of ours.
struct ForeignForm {
  std::string_view what;       ///< "is a web page (HTML)", to follow the file's name
  std::string_view of_note;    ///< what helps where a note is expected
  std::string_view of_import;  ///< what helps where a list to import is expected; empty: no harm
};

/// The form that a file of another kind or of another system's habits has: gzip, HTML, UTF-16, a
/// byte order mark, CRLF line ends. Nothing where it is none of these.
[[nodiscard]] std::optional<ForeignForm> foreign_form(std::string_view bytes);

}  // namespace hostspin
