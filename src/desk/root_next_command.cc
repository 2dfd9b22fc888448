#include <algorithm>

#include "command.h"
#include "desk_files.h"
#include "draft_edit.h"
#include "published.h"
#include "root_changes.h"
#include "root_draft.h"
#include "root_text.h"
#include "rules.h"
#include "words.h"

namespace hostspin::desk {
namespace {

constexpr std::string_view kNextHelp =
    R"(Write the text of a root's successor, and say who must sign it.

Usage: hostspin-sign root next ROOT [CHANGE…] [-o FILE]

ROOT is the newest root note, or the published directory. The successor has the next version, is
issued now, and is otherwise the same but for the changes asked for. It is signed by the threshold
of the old root AND by its own. Publish it as root/<N>.note beside its predecessors; keep those.

A manifest key that is taken out may have signed manifests that nobody knows of. So the successor
opens the next epoch then: nothing that the old keys signed counts any more, and a manifest of the
new epoch must be published together with it, the root's file first. What is published now is
looked at, and it is said whether it still holds.

  --add-root-key VKEY…, --remove-root-key NAME…, --root-threshold N
  --add-manifest-key VKEY…, --remove-manifest-key NAME…, --manifest-threshold N
  --add-name PATTERN…, --remove-name PATTERN…
  --add-network PREFIX…, --remove-network PREFIX…
  --min-version N          no client takes an older manifest any more
  --next-epoch             the cure after a manifest with a far too high version was signed: those
                           of the old epoch no longer count; min_version starts again at 1
  --same-epoch             keep the epoch although a manifest key is taken out, of a signer who
                           leaves on good terms; min_version becomes the published version
  --published FILE         the manifest published now (manifest.note beside ROOT's directory root)
  --expires WHEN           365d, or a time such as 2027-10-01T00:00:00Z
  -o, --out FILE           the new text; an existing file is never overwritten

Example: bob's key is lost, dave takes over
  hostspin-sign root next public --remove-manifest-key example.com/bob \
      --add-manifest-key dave.vkey -o root-2.toml
  hostspin-sign sign root-2.toml --key r1.key --previous public/root/1.note -o root-2.note
)";

class RootNext : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("ROOT", path_);
    options.list("--add-root-key", root_keys_.add);
    options.list("--remove-root-key", root_keys_.remove);
    options.number("--root-threshold", root_keys_.threshold, 1, kThresholdMax);
    options.list("--add-manifest-key", manifest_keys_.add);
    options.list("--remove-manifest-key", manifest_keys_.remove);
    options.number("--manifest-threshold", manifest_keys_.threshold, 1, kThresholdMax);
    options.list("--add-name", names_.add);
    options.list("--remove-name", names_.remove);
    options.list("--add-network", networks_.add);
    options.list("--remove-network", networks_.remove);
    options.number("--min-version", min_version_, 1, kVersionMax);
    options.flag("--next-epoch", next_epoch_);
    options.flag("--same-epoch", same_epoch_);
    options.option("--published", published_path_);
    options.option("--expires", expires_);
    options.option("-o,--out", out_);
    options.exclusive("--next-epoch", "--same-epoch");
  }

  Result<int> run(Desk& desk) override {
    const Result<std::string> file = find_root(path_, {});
    if (!file) return file.error();
    const Result<TrustRoot> before = load_root(*file);
    if (!before) return before.error();
    const Result<std::optional<Published>> published = find_published(desk, *file, *before);
    if (!published) return published.error();
    const Published* now = *published ? &**published : nullptr;

    RootDocument root = before->document();
    root.version += 1;
    root.issued = std::max(desk.now, root.issued);
    const Result<std::chrono::sys_seconds> expires = parse_moment(expires_, root.issued);
    if (!expires) return annotate(expires.error(), "--expires");
    root.expires = *expires;
    Result<void> changed = change(root);
    if (changed) changed = set_epoch(root, before->document(), now);
    if (!changed) return std::move(changed).error();
    Result<void> follows = check_succession(before->document(), root);
    if (!follows) return std::move(follows).error();

    Result<std::string> text = text_of(*before, root);
    if (!text) return std::move(text).error();
    Result<void> done = deliver_root(desk, *text, out_);
    if (!done) return std::move(done).error();
    say_who_signs(desk, before->document(), root);
    const bool holds = say_what_holds(desk, before->document(), root, now);
    say_next(desk, *file, root, now, holds);
    return kFine;
  }

 private:
  /// What hosts have now: the complete note that verifies under the root that they trust.
  Result<std::optional<Published>> find_published(Desk& desk, const std::string& root_file,
                                                  const TrustRoot& root) const {
    const bool is_named = !published_path_.empty();
    const std::string path = is_named ? published_path_ : manifest_beside(root_file);
    if (path.empty() || (!is_named && !exists(path))) return std::optional<Published>();
    Result<Document> document = load_document(path);
    if (!document) return std::move(document).error();
    Result<AdmittedManifest> admitted = admit_manifest(document->bytes, root);
    if (admitted) {
      return std::optional<Published>(Published{path, *std::move(document), admitted->manifest()});
    }
    Error error =
        annotate(std::move(admitted).error(),
                 quoted(path) + " does not hold under root " + std::to_string(root.version()));
    error.hint = "give the manifest that hosts have now with --published";
    if (is_named) return error;
    desk.console.warning(error.detail + "; " + error.hint);
    return std::optional<Published>();
  }

  Result<void> change(RootDocument& root) const {
    Result<void> done = root_keys_.apply(root.root_keys);
    if (!done) return annotate(std::move(done).error(), "root keys");
    done = manifest_keys_.apply(root.manifest.keys);
    if (!done) return annotate(std::move(done).error(), "manifest keys");
    done = names_.apply(root.manifest.names, read_names);
    if (!done) return annotate(std::move(done).error(), "names");
    done = networks_.apply(root.manifest.networks, read_networks);
    if (!done) return annotate(std::move(done).error(), "networks");
    return {};
  }

  Result<void> set_epoch(RootDocument& root, const RootDocument& before,
                         const Published* published) const {
    const bool taken_out = !keys_taken_out(before.manifest.keys, root.manifest.keys).empty();
    if (same_epoch_ && !taken_out) {
      return {Errc::usage, "--same-epoch is given, but no manifest key is taken out",
              "leave it out: the epoch stays as it is"};
    }
    if (next_epoch_ || (taken_out && !same_epoch_)) {
      root.manifest.epoch += 1;
      root.manifest.min_version = min_version_.value_or(1);
      if (root.manifest.min_version - 1 <= kVersionJumpMax) return {};
      return {Errc::bad_root,
              "min_version " + std::to_string(root.manifest.min_version) +
                  " is more than 1,000 above 1, where the versions of a new epoch begin",
              "leave --min-version out"};
    }
    if (!same_epoch_) return raise_min_version(root, published);
    if (published == nullptr) {
      return {Errc::usage, "--same-epoch needs the manifest that is published now",
              "give it with --published, or let the next epoch begin"};
    }
    // Below it lies whatever the key that goes has signed and nobody has seen.
    root.manifest.min_version = std::max(min_version_.value_or(1), published->manifest.version);
    if (root.manifest.min_version - before.manifest.min_version <= kVersionJumpMax) return {};
    return {Errc::bad_root,
            "min_version would jump from " + std::to_string(before.manifest.min_version) + " to " +
                std::to_string(root.manifest.min_version) + ", by more than 1,000",
            "no host could be brought back below it: begin the next epoch with --next-epoch"};
  }

  Result<void> raise_min_version(RootDocument& root, const Published* published) const {
    if (!min_version_) return {};
    const std::int64_t known =
        std::max(root.manifest.min_version, published == nullptr ? 1 : published->manifest.version);
    if (*min_version_ - known > kVersionJumpMax) {
      return {Errc::bad_root,
              "min_version " + std::to_string(*min_version_) + " is more than 1,000 above " +
                  (published == nullptr ? "the present one" : published->describe()),
              published == nullptr
                  ? "give the manifest that is published now with --published"
                  : "begin the next epoch with --next-epoch, where versions start again"};
    }
    root.manifest.min_version = *min_version_;
    return {};
  }

  /// The old text with a new edition where nothing else changes, so that its comments live on.
  [[nodiscard]] Result<std::string> text_of(const TrustRoot& before,
                                            const RootDocument& root) const {
    const bool same = root_keys_.none() && manifest_keys_.none() && names_.none() &&
                      networks_.none() && !min_version_ && !next_epoch_;
    if (!same) return write_root_text(root);
    const Result<Document> old = parse_document(before.note_bytes(), path_);
    if (!old) return old.error();
    return set_edition(old->text, root.version, root.issued, root.expires);
  }

  static void say_who_signs(Desk& desk, const RootDocument& before, const RootDocument& root) {
    Console& console = desk.console;
    console.note("root " + std::to_string(root.version) + " must be signed by");
    console.note(
        must_sign(before.root_keys, "the root keys of root " + std::to_string(before.version)));
    if (names_of(before.root_keys) == names_of(root.root_keys) &&
        before.root_keys.threshold == root.root_keys.threshold) {
      return;
    }
    console.note("and");
    console.note(must_sign(root.root_keys, "its own root keys"));
  }

  /// Whether hosts can go on with what is published. Where they cannot, the whole fleet is at
  /// stake.
  static bool say_what_holds(Desk& desk, const RootDocument& before, const RootDocument& root,
                             const Published* published) {
    const std::string named = "root " + std::to_string(root.version);
    if (root.manifest.epoch > before.manifest.epoch) {
      desk.console.note("epoch " + std::to_string(root.manifest.epoch) + " begins: under " + named +
                        " no manifest of an earlier one counts");
    }
    if (published == nullptr) {
      desk.console.warning(
          "no published manifest is known (--published), so nothing is said of "
          "whether it holds under " +
          named);
      return root.manifest.epoch == before.manifest.epoch;
    }
    desk.console.note("published now: " + published->path + ", version " +
                      std::to_string(published->manifest.version) + ", sha256 " +
                      published->document.digest());
    const std::optional<Error> why = dropped_by(root, *published);
    if (!why) {
      desk.console.note("it holds under " + named + ", too");
      return true;
    }
    const std::vector<std::string> lost = lost_signers(before.manifest.keys, root, *published);
    desk.console.warning(
        "the published manifest does not hold under " + named + ": " + why->detail +
        (lost.empty() ? "" : "; " + join(lost, ", ") + " signed it and is taken out") +
        ". With this root alone every host goes critical: publish a manifest signed under it, too");
    return false;
  }

  /// What to sign and publish, in which order.
  void say_next(Desk& desk, const std::string& file, const RootDocument& root,
                const Published* published, bool holds) const {
    Console& console = desk.console;
    const std::string version = std::to_string(root.version);
    const std::string draft = out_.empty() || out_ == "-" ? "FILE" : out_;
    const std::string place = "root/" + version + ".note";
    const std::string note =
        draft.ends_with(".toml") ? draft.substr(0, draft.size() - 5) + ".note" : draft;
    console.note("next, in this order:");
    console.note("  hostspin-sign sign " + draft + " --previous " + file + " --key KEY -o " + note);
    if (holds) {
      console.note("  when it is complete, publish it as " + place);
      return;
    }
    const std::string previous = published == nullptr ? "" : " --previous " + published->path;
    console.note("  hostspin-sign bump manifest.toml --root " + note + previous);
    console.note("  hostspin-sign sign manifest.toml --root " + note + previous +
                 " --key KEY -o manifest.note");
    console.note("  when both are complete, publish both, the root's file first: as " + place +
                 ", then manifest.note");
  }

  std::string path_;
  KeyChanges root_keys_;
  KeyChanges manifest_keys_;
  ListChanges<NamePattern> names_;
  ListChanges<Prefix> networks_;
  std::optional<std::int64_t> min_version_;
  bool next_epoch_ = false;
  bool same_epoch_ = false;
  std::string published_path_;
  std::string expires_ = "365d";
  std::string out_;
};

}  // namespace

const CommandEntry kRootNextCommand{"root next", kNextHelp, make_command<RootNext>};

}  // namespace hostspin::desk
