#include "rules.h"

#include <algorithm>
#include <charconv>

#include "desk_files.h"
#include "words.h"

namespace hostspin::desk {
namespace {

/// N of "N.note"; 0 for any other name.
std::int64_t version_of(std::string_view name) {
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), version);
  const std::string_view rest(end, static_cast<std::size_t>(name.data() + name.size() - end));
  return error == std::errc() && rest == ".note" && version > 0 ? version : 0;
}

}  // namespace

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

Result<TrustRoot> load_root(const std::string& path, const Crypto& crypto,
                            std::optional<std::int64_t> version) {
  const Result<std::string> found = find_root(path, version);
  if (!found) return found.error();
  const std::string& file = *found;
  const Result<std::string> bytes = read_document(file, kManifestNoteBytesMax);
  if (!bytes) return bytes.error();
  Result<TrustRoot> root = open_baked_root(*bytes, crypto);
  if (!root) return annotate(std::move(root).error(), "root " + quoted(file));
  return root;
}

Result<Manifest> read_manifest(const Document& document) {
  if (document.kind != DocumentKind::manifest) {
    return {Errc::usage, quoted(document.path) + " is a root, not a manifest",
            "roots have commands of their own: hostspin-sign root --help"};
  }
  Result<Manifest> manifest = parse_manifest_draft(document.text, UnknownKeys::refuse);
  if (!manifest) return annotate(std::move(manifest).error(), quoted(document.path));
  return manifest;
}

Result<RootDocument> read_root(const Document& document, const Crypto& crypto) {
  if (document.kind != DocumentKind::root) {
    return {Errc::usage, quoted(document.path) + " is a manifest, not a root",
            "give a root: its first line is  " + std::string(format_line(DocumentKind::root))};
  }
  Result<RootDocument> root = parse_root_text(document.text, UnknownKeys::refuse, crypto);
  if (!root) return annotate(std::move(root).error(), quoted(document.path));
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
  return check_constraints(manifest, root.manifest);
}

Result<void> check_not_older(const Manifest& after, const Document& after_document,
                             const Manifest& before, const Document& before_document) {
  if (after.fleet != before.fleet) {
    return {Errc::wrong_fleet,
            quoted(before_document.path) + " belongs to fleet " + quoted(before.fleet),
            "compare with a manifest of fleet " + quoted(after.fleet)};
  }
  const std::pair rank(after.epoch, after.version);
  const std::pair held(before.epoch, before.version);
  const std::string hint = "raise it: hostspin-sign bump " + quoted(after_document.path) +
                           " --previous " + quoted(before_document.path);
  if (rank < held) {
    return {Errc::rollback,
            "version " + std::to_string(after.version) + " is older than version " +
                std::to_string(before.version) + " in " + quoted(before_document.path),
            hint};
  }
  if (rank == held && after_document.text != before_document.text) {
    return {Errc::equivocation,
            "version " + std::to_string(after.version) + " was given to another text already, in " +
                quoted(before_document.path),
            hint};
  }
  return {};
}

Result<Predecessor> load_predecessor(const std::string& path, DocumentKind kind,
                                     const Crypto& crypto) {
  Result<Document> document = load_document(path);
  if (!document) return std::move(document).error();
  if (document->kind != kind) {
    return {Errc::usage,
            quoted(path) + " is a " + std::string(kind_name(document->kind)) + ", not a " +
                std::string(kind_name(kind)),
            "give the " + std::string(kind_name(kind)) + " that is published now"};
  }
  Predecessor result{*std::move(document), {}, {}};
  if (kind == DocumentKind::manifest) {
    Result<Manifest> manifest = parse_manifest_draft(result.document.text, UnknownKeys::ignore);
    if (!manifest) return annotate(std::move(manifest).error(), quoted(path));
    result.manifest = *std::move(manifest);
    return result;
  }
  Result<RootDocument> root = parse_root_text(result.document.text, UnknownKeys::ignore, crypto);
  if (!root) return annotate(std::move(root).error(), quoted(path));
  result.root = *std::move(root);
  return result;
}

std::string names_of(const KeyRing& ring) {
  std::vector<std::string> names;
  for (const VerifierKey& key : ring.keys) names.push_back(key.name());
  return join(names, ", ");
}

}  // namespace hostspin::desk
