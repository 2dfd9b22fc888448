#include "published.h"

#include <algorithm>

#include "desk_files.h"
#include "rules.h"
#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kRootsMax = 256;
inline constexpr std::size_t kShownDigestDigits = 16;

std::string name_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

/// The root that `above` follows from, if one of `directories` has it.
std::optional<TrustRoot> root_below(const TrustRoot& above,
                                    const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    const std::string path = directory + "/" + std::to_string(above.version() - 1) + ".note";
    if (!exists(path)) continue;
    const Result<std::string> bytes = read_document(path, kManifestNoteBytesMax);
    if (!bytes) continue;
    Result<TrustRoot> below = open_baked_root(*bytes);
    if (below && open_next_root(*below, above.note_bytes())) return *std::move(below);
  }
  return std::nullopt;
}

bool is_complete(const Document& document, const KeyRing& ring) {
  return tally(document, ring).met() && bad_lines(document, ring).empty();
}

bool lists(const KeyRing& ring, const VerifierKey& wanted) {
  return std::any_of(ring.keys.begin(), ring.keys.end(), [&](const VerifierKey& key) {
    return !key.is_opaque() && key.public_key() == wanted.public_key();
  });
}

}  // namespace

std::string Published::describe() const {
  return path + ", version " + std::to_string(manifest.version) +
         ", sha256=" + document.digest().substr(0, kShownDigestDigits);
}

std::vector<TrustRoot> lineage(const TrustRoot& root, const std::vector<std::string>& directories) {
  std::vector<TrustRoot> roots{root};
  while (roots.back().version() > 1 && roots.size() < kRootsMax) {
    std::optional<TrustRoot> below = root_below(roots.back(), directories);
    if (!below) break;
    roots.push_back(*std::move(below));
  }
  return roots;
}

std::string manifest_beside(const std::string& root_path) {
  if (is_directory(root_path)) return root_path + "/manifest.note";
  const std::string folder = parent_of(root_path);
  return name_of(folder) == "root" ? parent_of(folder) + "/manifest.note" : "";
}

std::vector<std::string> root_folders(const std::string& root_path) {
  if (root_path.empty()) return {};
  if (is_directory(root_path)) return {root_path + "/root", root_path};
  return {parent_of(root_path), parent_of(root_path) + "/root"};
}

Result<std::optional<Published>> load_published(const std::string& path,
                                                const std::vector<TrustRoot>& roots) {
  Result<Predecessor> found = load_predecessor(path, DocumentKind::manifest);
  if (!found) return std::move(found).error();
  const bool complete = std::any_of(roots.begin(), roots.end(), [&](const TrustRoot& root) {
    return admit_manifest(found->document.bytes, root).has_value();
  });
  if (!complete) return std::optional<Published>();
  return std::optional<Published>(
      Published{path, std::move(found->document), *std::move(found->manifest)});
}

Result<std::optional<Published>> published_at(const std::string& named,
                                              const std::string& root_path, const TrustRoot& before,
                                              std::string_view next) {
  const bool is_named = !named.empty();
  const std::string path = is_named ? named : manifest_beside(root_path);
  if (path.empty() || (!is_named && !exists(path))) return std::optional<Published>();
  std::vector<std::string> folders = root_folders(root_path);
  for (std::string& folder : root_folders(path)) folders.push_back(std::move(folder));
  std::vector<TrustRoot> roots = lineage(before, folders);
  if (Result<TrustRoot> after = open_next_root(before, next)) roots.push_back(*std::move(after));
  Result<std::optional<Published>> found = load_published(path, roots);
  if (!is_named) return found ? *std::move(found) : std::optional<Published>();
  if (!found) return Error{Errc::usage, found.error().detail, found.error().hint};
  if (*found) return found;
  return Error{Errc::usage,
               quoted(path) + " is not complete under root " + std::to_string(before.version()) +
                   " or one before it, so no host has it",
               "give the manifest that hosts have now with --published"};
}

bool nothing_published_yet(const std::string& root_path) {
  const std::string path = manifest_beside(root_path);
  return !path.empty() && !exists(path);
}

Error published_is_for_roots() {
  return {Errc::usage, "--published belongs to a root, and this is a manifest",
          "give what is published now with --previous"};
}

Error published_needs_a_root() {
  return {Errc::usage, "--published needs the root under which that manifest holds",
          "give the root before this one with --previous"};
}

std::optional<Error> dropped_by(const RootDocument& root, const Published& published) {
  const KeyRing& ring = root.manifest.keys;
  if (Result<void> allowed = check_under_root(published.manifest, root); !allowed) {
    return std::move(allowed).error();
  }
  if (is_complete(published.document, ring)) return std::nullopt;
  return Error{Errc::too_few_signatures, "it has " + tally(published.document, ring).describe()};
}

std::vector<std::string> lost_signers(const KeyRing& before, const RootDocument& root,
                                      const Published& published) {
  std::vector<std::string> names;
  for (const VerifierKey& key : before.keys) {
    if (key.is_opaque() || lists(root.manifest.keys, key)) continue;
    if (is_signed_by(published.document, key)) names.push_back(key.name());
  }
  return names;
}

}  // namespace hostspin::desk
