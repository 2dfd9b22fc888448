#pragma once

#include <optional>
#include <string>
#include <vector>

#include "document.h"
#include "hostspin/manifest.h"
#include "hostspin/root.h"

namespace hostspin::desk {

/// A manifest that hosts may have adopted: a complete note.
struct Published {
  std::string path;
  Document document;
  Manifest manifest;

  /// "public/manifest.note, version 41, sha256=0123456789abcdef".
  [[nodiscard]] std::string describe() const;
};

/// `root` and the roots that it follows from, newest first, as far down as `root/<N>.note` files in
/// `directories` lead.
[[nodiscard]] std::vector<TrustRoot> lineage(const TrustRoot& root,
                                             const std::vector<std::string>& directories);

/// Where the manifest is published beside a root: `DIR/manifest.note` for a directory or for
/// `DIR/root/<N>.note`; empty for a root file that lies elsewhere.
[[nodiscard]] std::string manifest_beside(const std::string& root_path);

/// The folders in which the roots before the one at `root_path` may lie.
[[nodiscard]] std::vector<std::string> root_folders(const std::string& root_path);

/// The note at `path`, if clients that trust one of `roots` admit it; nothing if none would.
/// Content that this version does not know is ignored, as clients do.
Result<std::optional<Published>> load_published(const std::string& path,
                                                const std::vector<TrustRoot>& roots);

/// What hosts that trust `before`, read from `root_path`, have now: the note at `named`, or where
/// that is empty at manifest_beside(). It must be complete under `before`, one that this follows
/// from, or already under the root in the bytes `next`. One that is not named and not complete is
/// none.
Result<std::optional<Published>> published_at(const std::string& named,
                                              const std::string& root_path, const TrustRoot& before,
                                              std::string_view next);
/// Whether the manifest's place beside the root at `root_path` is known, and empty.
[[nodiscard]] bool nothing_published_yet(const std::string& root_path);

/// Errc::usage for --published beside a manifest.
[[nodiscard]] Error published_is_for_roots();
/// Errc::usage for --published where the root that vouches for it is not known.
[[nodiscard]] Error published_needs_a_root();

/// Why hosts that follow `root` would no longer admit `published`; nothing where they do. What the
/// whole fleet stands on then is a manifest that its root does not vouch for.
[[nodiscard]] std::optional<Error> dropped_by(const RootDocument& root, const Published& published);

/// Names of the keys that signed `published` and that `root` does not list.
[[nodiscard]] std::vector<std::string> lost_signers(const KeyRing& before, const RootDocument& root,
                                                    const Published& published);

}  // namespace hostspin::desk
