// Root texts, given as a whole note or as the text alone: whatever they say, reading ends with a
// value or an error, and what is read is within the rules.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hostspin/root.h"

namespace {

using namespace hostspin;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_ring(const KeyRing& ring) {
  std::size_t usable = 0;
  for (const VerifierKey& key : ring.keys) usable += key.is_opaque() ? 0U : 1U;
  require(ring.threshold >= 1 && static_cast<std::size_t>(ring.threshold) <= usable);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  (void)open_baked_root(input);  // any answer will do, as long as there is one
  const Result<SplitNote> note = split_note(input, DocumentKind::root);
  const std::string_view text = note ? std::string_view(note->text) : input;
  const Result<RootDocument> root = parse_root_text(text, UnknownKeys::ignore);
  if (!root) {
    require(!parse_root_text(text, UnknownKeys::refuse));
    return 0;
  }
  check_ring(root->root_keys);
  check_ring(root->manifest.keys);
  require(root->version >= 1 && root->manifest.epoch >= 1 && root->manifest.min_version >= 1);
  require(root->issued < root->expires && !root->fleet.empty());
  require(!root->manifest.names.empty() && !root->manifest.networks.empty());
  require(!check_succession(*root, *root));  // nothing follows itself
  return 0;
}
