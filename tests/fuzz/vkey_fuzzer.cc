// Verifier keys: whatever bytes arrive, reading ends with a value or an error, and a key that is
// read has one spelling.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hostspin/note.h"

namespace {

using namespace hostspin;

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const Result<VerifierKey> key = VerifierKey::parse(text);
  if (!key) return 0;
  require(key->text() == text);
  if (key->is_opaque()) return 0;
  const Result<VerifierKey> again = VerifierKey::from_public_key(key->name(), key->public_key());
  require(again && *again == *key);
  return 0;
}
