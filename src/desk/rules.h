#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "document.h"
#include "hostspin/manifest.h"
#include "hostspin/root.h"

namespace hostspin::desk {

/// N of the file name "N.note", a published root's; 0 for any other name.
[[nodiscard]] std::int64_t version_of(std::string_view name);

/// The file that names a root: `path` itself, or in a directory `root/<N>.note` (or `<N>.note`)
/// with the highest N, or with N = `version` where that is given.
Result<std::string> find_root(const std::string& path, std::optional<std::int64_t> version);

/// The root there. It is believed because the operator names it; its own threshold must be met.
Result<TrustRoot> load_root(const std::string& path, std::optional<std::int64_t> version = {});

/// A manifest's content, unknown keys refused. The document must be a manifest.
Result<Manifest> read_manifest(const Document& document);
/// The same of a root.
Result<RootDocument> read_root(const Document& document);

/// What a client that trusts `root` asks of a manifest's content: U7 and U8 of the update cycle
/// without signatures.
Result<void> check_under_root(const Manifest& manifest, const RootDocument& root);
/// `error` with a hint for the desk where it is about what `root` allows: what that is.
[[nodiscard]] Error desk_advice(Error error, const RootDocument& root);

/// U9: whether a client that holds `before` would take `after`. The very same text is fine.
Result<void> check_not_older(const Manifest& after, const Document& after_document,
                             const Manifest& before, const Document& before_document);

/// A document with its published predecessor, for commands that compare.
struct Predecessor {
  Document document;
  std::optional<Manifest> manifest;  ///< of a manifest
  std::optional<RootDocument> root;  ///< of a root
};
/// Reads what stands published; content unknown to this version is ignored, as clients do.
Result<Predecessor> load_predecessor(const std::string& path, DocumentKind kind);

/// Names of the keys of `before` that are none of `after` any more, under whatever name.
[[nodiscard]] std::vector<std::string> keys_taken_out(const KeyRing& before, const KeyRing& after);

/// "alice, bob" of a ring's keys, for messages.
[[nodiscard]] std::string names_of(const KeyRing& ring);

inline constexpr std::chrono::hours kIssuedAheadMax{24};
inline constexpr std::chrono::days kRootLifetimeWarning{400};
inline constexpr std::int64_t kVersionJumpMax = 1000;  ///< beyond it, a version is no next one
inline constexpr std::size_t kKmsTextBytesMax = 4096;

}  // namespace hostspin::desk
