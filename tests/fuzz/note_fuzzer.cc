// Notes: whatever bytes arrive, splitting ends with a value or an error; what
// splits is within every limit, and no note opens without a signature.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "hostspin/note.h"

namespace {

using namespace hostspin;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_split(std::string_view bytes, const SplitNote& note) {
  require(note.text.size() < bytes.size() && note.text.back() == '\n');
  require(bytes.starts_with(note.text) && bytes[note.text.size()] == '\n');
  require(!note.signatures.empty() && note.signatures.size() <= kSignatureLinesMax);
  for (const SignatureLine& line : note.signatures) {
    require(!line.name.empty() && !line.signature.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  for (const DocumentKind kind : {DocumentKind::manifest, DocumentKind::root}) {
    const Result<SplitNote> note = split_note(input, kind);
    if (!note) continue;
    check_split(input, *note);
    require(note->text.starts_with(format_line(kind)));
  }
  if (const Result<SplitNote> note = split_bare_note(input); note) check_split(input, *note);
  require(!open_bare_note(input, KeyRing{{}, 1}));
  if (const Result<std::string> decoded = decode_base64(input); decoded) {
    require(encode_base64(*decoded) == input);  // strict: one text for each value
  }
  return 0;
}
