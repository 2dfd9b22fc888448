#include "sign_examination.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "desk_files.h"
#include "hostspin/time_text.h"
#include "pending.h"
#include "published.h"
#include "rules.h"
#include "words.h"

namespace hostspin::desk {
namespace {

bool is_root_1(const Document& document) {
  const Result<RootDocument> root = read_root(document);
  return root && root->version == 1;
}

class Examination {
 public:
  Examination(const SignPlaces& places, const std::vector<std::string>& ignored)
      : places_(places), ignored_(ignored) {}

  Result<std::vector<Ring>> run(Desk& desk, const Document& document, Review* review) const {
    return document.kind == DocumentKind::manifest ? examine_manifest(desk, document, review)
                                                   : examine_root(desk, document, review);
  }

 private:
  Result<std::vector<Ring>> examine_manifest(Desk& desk, const Document& document,
                                             Review* review) const {
    if (!places_.published.empty()) return published_is_for_roots();
    const Result<Manifest> manifest = read_manifest(document);
    if (!manifest) return manifest.error();
    if (manifest->expires <= desk.now) {
      return {Errc::expired, "the manifest expired at " + format_utc(manifest->expires),
              "give it a new life: hostspin-sign bump " + quoted(draft_of(places_.path))};
    }
    std::vector<Ring> rings;
    std::optional<TrustRoot> root;
    if (!places_.root.empty()) {
      Result<TrustRoot> loaded = load_root(places_.root);
      if (!loaded) return std::move(loaded).error();
      root = *std::move(loaded);
      Result<void> allowed = check_under_root(*manifest, root->document());
      if (!allowed) return std::move(allowed).error();
      rings.push_back({"the manifest keys of root " + std::to_string(root->version()),
                       root->document().manifest.keys});
    }
    const Result<std::vector<Published>> known = published_manifests(desk, root, review);
    if (!known) return known.error();
    for (const Published& before : *known) {
      Result<void> newer = check_not_older(*manifest, document, before.manifest, before.document);
      if (!newer) return unless_unpublished(std::move(newer).error(), before);
    }
    if (review == nullptr) return rings;
    warn_about(desk, root);
    const Published* newest = newest_of(*known);
    if (newest != nullptr && !places_.previous.empty())
      warn_if_stale(desk, *review, *newest, known->front());
    fill(*review, desk, document, *manifest, newest);
    return rings;
  }

  /// What stands at -o is taken for published, and may be no more than an earlier attempt.
  [[nodiscard]] Error unless_unpublished(Error error, const Published& before) const {
    if (error.code == Errc::equivocation && places_.previous.empty()) {
      error.hint = "if " + quoted(before.path) +
                   " was never published, delete it and sign again; " + "if it was, " + error.hint;
    }
    return error;
  }

  static void warn_about(Desk& desk, const std::optional<TrustRoot>& root) {
    if (!root) {
      desk.console.warning("fleet, names, networks and keys are not checked: give --root ROOT");
    } else if (root->expired(desk.now)) {
      desk.console.warning("root " + std::to_string(root->version()) + " expired at " +
                           format_utc(root->document().expires) +
                           ": clients adopt nothing until there is a new one");
    }
  }

  void fill(Review& review, Desk& desk, const Document& document, const Manifest& manifest,
            const Published* before) const {
    review.heading =
        "manifest " + std::to_string(manifest.version) + " of fleet " + manifest.fleet +
        ", epoch " + std::to_string(manifest.epoch) + ", min_root " +
        std::to_string(manifest.min_root) + ", rollout " +
        (manifest.rollout.count() == 0 ? "none"
                                       : std::to_string(manifest.rollout.count()) + " min") +
        ", issued " + format_utc(manifest.issued) + ", expires " + format_utc(manifest.expires) +
        ", " + count_of(manifest.services.size(), "service") + ":";
    review.content = list_services(manifest);
    LintContext context{desk.now, before == nullptr ? nullptr : &before->manifest, {}};
    review.findings = lint(document, manifest, context);
    leave_out(review.findings, ignored_);
    if (before == nullptr) return;
    review.compared_with = before->describe();
    review.changes = compare(before->manifest, manifest);
  }

  /// The complete notes that hosts may have, --previous first. What is incomplete was never
  /// published, and hides changes if it is compared with.
  Result<std::vector<Published>> published_manifests(Desk& desk,
                                                     const std::optional<TrustRoot>& root,
                                                     const Review* review) const {
    std::vector<Published> known;
    for (const std::string& path : published_places()) {
      const bool is_named = path == places_.previous;
      if (path.empty() || (!is_named && !exists(path))) continue;
      Result<std::optional<Published>> found = complete_note(path, root);
      // What cannot be read at a place that nobody named is no note that any host has.
      if (!found && !is_named && !places_.previous.empty()) continue;
      if (!found) return std::move(found).error();
      if (*found) {
        known.push_back(**std::move(found));
        continue;
      }
      const std::string what = quoted(path) + " is not complete under root " +
                               std::to_string(root->version()) + " or one before it";
      if (is_named) {
        return {Errc::too_few_signatures, what + ", so it was never published",
                "give the note that hosts have now with --previous, and the published directory "
                "with --root, where older roots count too"};
      }
      if (review != nullptr) desk.console.warning(what + ": nothing is compared with it");
    }
    return known;
  }

  static bool is_before(const Published& one, const Published& other) {
    return std::pair(one.manifest.epoch, one.manifest.version) <
           std::pair(other.manifest.epoch, other.manifest.version);
  }

  /// Against anything older the changes since would not be seen.
  static const Published* newest_of(const std::vector<Published>& known) {
    const auto newest = std::max_element(known.begin(), known.end(), is_before);
    return newest == known.end() ? nullptr : &*newest;
  }

  static void warn_if_stale(Desk& desk, Review& review, const Published& newest,
                            const Published& previous) {
    review.previous_is_stale = is_before(previous, newest);
    if (!review.previous_is_stale) return;
    desk.console.warning("--previous " + quoted(previous.path) + " has version " +
                         std::to_string(previous.manifest.version) + ", but " +
                         quoted(newest.path) + " has version " +
                         std::to_string(newest.manifest.version) +
                         ": the changes are those against the newer one");
  }

  /// The note at `path`, if it is complete under `root` or one before it. Without a root nobody can
  /// tell; that was warned of.
  Result<std::optional<Published>> complete_note(const std::string& path,
                                                 const std::optional<TrustRoot>& root) const {
    if (!root) return take_unproved(path);
    std::vector<std::string> folders = root_folders(places_.root);
    for (std::string& folder : root_folders(path)) folders.push_back(std::move(folder));
    return load_published(path, lineage(*root, folders));
  }

  /// Where notes that hosts have may lie, --previous first.
  [[nodiscard]] std::vector<std::string> published_places() const {
    std::vector<std::string> paths;
    if (!places_.previous.empty()) paths.push_back(places_.previous);
    const std::string place = places_.destination();
    for (const std::string& path : {place == "-" || place == places_.path ? "" : place,
                                    places_.root.empty() ? "" : manifest_beside(places_.root)}) {
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
    }
    return paths;
  }

  static Result<std::optional<Published>> take_unproved(const std::string& path) {
    Result<Predecessor> found = load_predecessor(path, DocumentKind::manifest);
    if (!found) return std::move(found).error();
    return std::optional<Published>(
        Published{path, std::move(found->document), *std::move(found->manifest)});
  }

  Result<std::vector<Ring>> examine_root(Desk& desk, const Document& document,
                                         Review* review) const {
    const Result<RootDocument> root = read_root(document);
    if (!root) return root.error();
    Result<void> timely = check_root_times(desk, *root);
    if (!timely) return std::move(timely).error();
    std::vector<Ring> rings{{"its own root keys", root->root_keys}};
    const std::string previous = !places_.previous.empty() ? places_.previous : places_.root;
    if (previous.empty() && !places_.published.empty()) return published_needs_a_root();
    std::optional<TrustRoot> before;
    std::optional<Published> published;
    if (!previous.empty()) {
      Result<TrustRoot> loaded = load_root(previous, root->version - 1);
      if (!loaded) return std::move(loaded).error();
      before = *std::move(loaded);
      Result<void> follows = check_succession(before->document(), *root);
      if (!follows) return annotate(std::move(follows).error(), shown_path(places_.path));
      rings.push_back({"the root keys of root " + std::to_string(before->version()),
                       before->document().root_keys});
      Result<std::optional<Published>> found =
          published_at(places_.published, previous, *before, document.bytes);
      if (!found) return std::move(found).error();
      published = *std::move(found);
    }
    if (review == nullptr) return rings;
    review->heading = "root " + std::to_string(root->version) + " of fleet " + root->fleet +
                      ", issued " + format_utc(root->issued) + ", expires " +
                      format_utc(root->expires) + ":";
    review->content = list_rules(*root);
    review->findings = lint(
        *root, {desk.now, before ? &before->document() : nullptr, published ? &*published : nullptr,
                places_.published.empty() && nothing_published_yet(previous)});
    leave_out(review->findings, ignored_);
    if (before) {
      review->compared_with = previous;
      review->changes = compare(before->document(), *root);
    } else if (root->version > 1) {
      desk.console.warning("not checked against root " + std::to_string(root->version - 1) +
                           ": give --previous NOTE");
    }
    return rings;
  }

  static Result<void> check_root_times(Desk& desk, const RootDocument& root) {
    if (root.issued > desk.now + kIssuedAheadMax) {
      return {Errc::bad_root,
              "issued " + format_utc(root.issued) + " is more than 24 hours ahead of this clock",
              "clients would believe that time for good: correct it, or this machine's clock"};
    }
    if (root.expires > desk.now) return {};
    return {Errc::root_expired, "the root expired at " + format_utc(root.expires),
            "set a later 'expires'"};
  }

  const SignPlaces& places_;
  const std::vector<std::string>& ignored_;
};

}  // namespace

std::string SignPlaces::destination() const { return !out.empty() ? out : completed_path(path); }

Result<std::vector<Ring>> examine(Desk& desk, const Document& document, const SignPlaces& places,
                                  const std::vector<std::string>& ignored, Review* review) {
  return Examination(places, ignored).run(desk, document, review);
}

bool is_complete(const Document& document, const std::vector<Ring>& rings) {
  const bool is_first_root = document.kind == DocumentKind::root && is_root_1(document);
  const std::size_t known = document.kind == DocumentKind::manifest || is_first_root ? 1 : 2;
  return rings.size() >= known && std::all_of(rings.begin(), rings.end(), [&](const Ring& ring) {
           return tally(document, ring.keys).met();
         });
}

}  // namespace hostspin::desk
