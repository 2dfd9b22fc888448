#pragma once

#include <string>
#include <vector>

#include "command.h"
#include "document.h"
#include "review.h"

namespace hostspin::desk {

/// The files that `sign` was told of, as they were given; empty for none.
struct SignPlaces {
  std::string path;
  std::string root;
  std::string previous;
  std::string published;  ///< of a root: the manifest that hosts have now
  std::string out;

  /// Where the complete note goes: `out`, or what completed_path() says.
  [[nodiscard]] std::string destination() const;
};

/// A root's threshold and its predecessor's, both of which must sign; a manifest's from its root.
struct Ring {
  std::string what;  ///< "the manifest keys of root 3"
  KeyRing keys;
};

/// Everything that a client checks of a document, signatures apart; with a `review`, also what a
/// person must see of it, without the findings `ignored`. Done once before the document is shown,
/// and again, without a review, once it is signed. Returns the rings that must sign.
Result<std::vector<Ring>> examine(Desk& desk, const Document& document, const SignPlaces& places,
                                  const std::vector<std::string>& ignored, Review* review);

/// Whether clients would find enough signatures: a manifest's root must be known for it, and a
/// root's predecessor.
[[nodiscard]] bool is_complete(const Document& document, const std::vector<Ring>& rings);

}  // namespace hostspin::desk
