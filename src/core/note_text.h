#pragma once

#include <string_view>

#include "hostspin/note.h"
#include "hostspin/result.h"

namespace hostspin {

/// The profile's rules for a text alone: LF and 0x20–0x7E only, lines of at most kTextLineBytesMax
/// bytes before their LF, the last byte an LF. Errc::bad_note, naming the line.
Result<void> check_text_bytes(std::string_view text);

/// The same, and the kind's size and first line. For whoever holds a text outside a note: a draft,
/// or a text whose kind nobody has looked at.
Result<void> check_document_text(std::string_view text, DocumentKind kind);

}  // namespace hostspin
