#include "rules.h"

#include <algorithm>
#include <charconv>

#include "desk_files.h"
#include "pending.h"
#include "words.h"

namespace hostspin::desk {
namespace {

/// A published root is only as good as its chain: one that was slipped into the directory, signed
/// by keys of its own, must not judge what is signed. Looks at the roots below `root`, in its
/// file's directory, as far down as there are any.
Result<void> check_published_chain(const std::string& file, const TrustRoot& root) {
  const std::string directory = file.substr(0, file.rfind('/') + 1);
  TrustRoot above = root;
  for (std::int64_t version = root.version() - 1; version >= 1; --version) {
    const std::string path = directory + std::to_string(version) + ".note";
    if (!exists(path)) return {};
    const Result<std::string> bytes = read_document(path, kManifestNoteBytesMax);
    if (!bytes) return bytes.error();
    Result<TrustRoot> below = open_baked_root(*bytes);
    if (!below) return annotate(std::move(below).error(), "root " + quoted(path));
    if (Result<TrustRoot> next = open_next_root(*below, above.note_bytes()); !next) {
      Error error = annotate(std::move(next).error(), "root " + std::to_string(above.version()) +
                                                          " does not follow " + quoted(path));
      error.hint = "clients would not take it over: find out who put it there";
      return error;
    }
    above = *std::move(below);
  }
  return {};
}

}  // namespace

std::int64_t version_of(std::string_view name) {
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  const std::string_view rest(end, static_cast<std::size_t>(name.data() + name.size() - end));
  return error == std::errc() && rest == ".note" && version > 0 ? version : 0;
}

Result<std::string> find_root(const std::string& path, std::optional<std::int64_t> version) {
  if (!is_directory(path)) return path;
  for (const std::string& place : {path + "/root", path}) {
    std::int64_t best = 0;
    for (const std::string& name : names_in(place)) {
      const std::int64_t found = version_of(name);
      if (!version || found == *version) best = std::max(best, found);
    }
    if (best > 0) return place + "/" + std::to_string(best) + ".note";
  }
  return {Errc::not_found,
          "there is no root/" + (version ? std::to_string(*version) : "<N>") +
              ".note in directory " + quoted(path),
          "give the directory that is published, or a root note itself"};
}

Result<TrustRoot> load_root(const std::string& path, std::optional<std::int64_t> version) {
  const Result<std::string> found = find_root(path, version);
  if (!found) return found.error();
  const std::string& file = *found;
  const Result<std::string> bytes = read_document(file, kManifestNoteBytesMax);
  if (!bytes) return bytes.error();
  if (bytes->starts_with(format_line(DocumentKind::manifest))) {
    return {Errc::usage, shown_path(file) + " is a manifest, not a root",
            "give the root that clients trust: a root note, or the directory that is published"};
  }
  Result<TrustRoot> root = open_baked_root(*bytes);
  if (!root) return annotate(std::move(root).error(), "root " + quoted(file));
  if (file != path) {
    if (Result<void> follows = check_published_chain(file, *root); !follows) {
      return std::move(follows).error();
    }
  }
  return root;
}

Result<Manifest> read_manifest(const Document& document) {
  if (document.kind != DocumentKind::manifest) {
    return {Errc::usage, shown_path(document.path) + " is a root, not a manifest",
            "roots have commands of their own: hostspin-sign root --help"};
  }
  Result<Manifest> manifest = parse_manifest_draft(document.text, UnknownKeys::refuse);
  if (!manifest) return annotate(std::move(manifest).error(), shown_path(document.path));
  return manifest;
}

Result<RootDocument> read_root(const Document& document) {
  if (document.kind != DocumentKind::root) {
    return {Errc::usage, shown_path(document.path) + " is a manifest, not a root",
            "give a root: its first line is  " + std::string(format_line(DocumentKind::root))};
  }
  Result<RootDocument> root = parse_root_text(document.text, UnknownKeys::refuse);
  if (!root) return annotate(std::move(root).error(), shown_path(document.path));
  return root;
}

Result<void> check_under_root(const Manifest& manifest, const RootDocument& root) {
  const std::string named = "root " + std::to_string(root.version);
  if (manifest.fleet != root.fleet) {
    return {Errc::wrong_fleet,
            "the manifest is for fleet " + quoted(manifest.fleet) + ", " + named + " for " +
                quoted(root.fleet),
            "set  fleet = \"" + root.fleet + "\"  or give the other fleet's root"};
  }
  if (manifest.epoch != root.manifest.epoch) {
    return {Errc::wrong_epoch,
            "the manifest has epoch " + std::to_string(manifest.epoch) + ", " + named +
                " asks for " + std::to_string(root.manifest.epoch),
            "set  epoch = " + std::to_string(root.manifest.epoch)};
  }
  if (manifest.version < root.manifest.min_version) {
    return {Errc::rollback,
            "the manifest's version " + std::to_string(manifest.version) +
                " is below the min_version " + std::to_string(root.manifest.min_version) + " of " +
                named,
            "set  version = " + std::to_string(root.manifest.min_version) + "  or higher"};
  }
  if (manifest.min_root > root.version) {
    return {Errc::root_withheld,
            "the manifest needs root " + std::to_string(manifest.min_root) + ", this is " + named,
            "publish that root first, or lower min_root"};
  }
  Result<void> within = check_constraints(manifest, root.manifest);
  if (!within) return desk_advice(std::move(within).error(), root);
  return within;
}

Error desk_advice(Error error, const RootDocument& root) {
  const bool is_name = error.code == Errc::name_not_allowed;
  if (!is_name && error.code != Errc::address_not_allowed) return error;
  constexpr std::size_t kShownMax = 6;
  std::vector<std::string> allowed;
  if (is_name) {
    for (const NamePattern& pattern : root.manifest.names) allowed.push_back(pattern.text());
  } else {
    for (const Prefix& prefix : root.manifest.networks) allowed.push_back(prefix.to_string());
  }
  const bool cut = allowed.size() > kShownMax;
  if (cut) allowed.resize(kShownMax);
  error.hint = "root " + std::to_string(root.version) + " allows " + join(allowed, ", ") +
               (cut ? ", ..." : "") +
               ": correct the manifest, or widen the root with 'hostspin-sign " + "root next " +
               (is_name ? "--add-name'" : "--add-network'");
  return error;
}

Result<void> check_not_older(const Manifest& after, const Document& after_document,
                             const Manifest& before, const Document& before_document) {
  if (after.fleet != before.fleet) {
    return {Errc::wrong_fleet,
            shown_path(before_document.path) + " belongs to fleet " + quoted(before.fleet),
            "compare with a manifest of fleet " + quoted(after.fleet)};
  }
  const std::pair rank(after.epoch, after.version);
  const std::pair held(before.epoch, before.version);
  const std::string hint = "raise it: hostspin-sign bump " + quoted(draft_of(after_document.path)) +
                           " --previous " + quoted(before_document.path);
  if (rank < held) {
    return {Errc::rollback,
            "version " + std::to_string(after.version) + " is older than version " +
                std::to_string(before.version) + " in " + shown_path(before_document.path),
            hint};
  }
  if (rank == held && after_document.text != before_document.text) {
    return {Errc::equivocation,
            "version " + std::to_string(after.version) + " was given to another text already, in " +
                shown_path(before_document.path),
            hint};
  }
  return {};
}

Result<Predecessor> load_predecessor(const std::string& path, DocumentKind kind) {
  Result<Document> document = load_document(path);
  if (!document) return std::move(document).error();
  if (document->kind != kind) {
    return {Errc::usage,
            shown_path(path) + " is a " + std::string(kind_name(document->kind)) + ", not a " +
                std::string(kind_name(kind)),
            "give the " + std::string(kind_name(kind)) + " that is published now"};
  }
  Predecessor result{*std::move(document), {}, {}};
  if (kind == DocumentKind::manifest) {
    Result<Manifest> manifest = parse_manifest_draft(result.document.text, UnknownKeys::ignore);
    if (!manifest) return annotate(std::move(manifest).error(), shown_path(path));
    result.manifest = *std::move(manifest);
    return result;
  }
  Result<RootDocument> root = parse_root_text(result.document.text, UnknownKeys::ignore);
  if (!root) return annotate(std::move(root).error(), shown_path(path));
  result.root = *std::move(root);
  return result;
}

std::vector<std::string> keys_taken_out(const KeyRing& before, const KeyRing& after) {
  std::vector<std::string> names;
  for (const VerifierKey& old : before.keys) {
    const bool is_left =
        std::any_of(after.keys.begin(), after.keys.end(), [&](const VerifierKey& key) {
          return !key.is_opaque() && key.public_key() == old.public_key();
        });
    if (!old.is_opaque() && !is_left) names.push_back(old.name());
  }
  return names;
}

std::string names_of(const KeyRing& ring) {
  std::vector<std::string> names;
  for (const VerifierKey& key : ring.keys) names.push_back(key.name());
  return join(names, ", ");
}

}  // namespace hostspin::desk
