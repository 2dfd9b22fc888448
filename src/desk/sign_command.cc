#include <algorithm>
#include <optional>
#include <utility>

#include "command.h"
#include "desk_files.h"
#include "hostspin/time_text.h"
#include "lint.h"
#include "pending.h"
#include "published.h"
#include "review.h"
#include "rules.h"
#include "signer_options.h"
#include "words.h"

namespace hostspin::desk {
namespace {

constexpr std::string_view kSignHelp =
    R"(Append a signature to a manifest or a root, once you have seen all of it.

Usage: hostspin-sign sign FILE --key KEY [--root ROOT] [--previous NOTE] [-o OUT]
       hostspin-sign sign FILE --signer-cmd CMD --vkey VKEY …
       hostspin-sign sign FILE --import-signature SIG --vkey VKEY …

FILE is a text that nobody has signed yet, or a note that others have signed. It must pass every
check that clients make. Then it is shown: every service, what changes against the published note,
every finding, and the text's SHA-256. On a terminal you are asked whether to sign it; elsewhere say
--sha256 DIGEST or --yes. What is signed is what was shown.

Until enough have signed, the note is kept beside FILE, as NAME.pending.note. The signature that
makes it complete moves it to OUT by one rename: nothing incomplete ever stands there.

  --key KEY            a private key made by 'hostspin-sign keygen'; may be given again
  --name NAME          the key's name, for a private key whose file does not say it
  --passphrase-fd N    read the key's passphrase from descriptor N, not from the terminal
  --signer-cmd CMD     a program that signs (HSM, KMS): its words are separated by blanks and no
                       shell reads them; {} is the path of the text, which is else the last word.
                       Given again, each is one word as it is. It prints 64 bytes or their base64.
  --import-signature SIG
                       a signature made elsewhere over the text (signify, minisign -l, 64 bytes)
  --vkey VKEY          the verifier key of such a signer, or a file that has it
  --root ROOT          the root that clients trust (a note, or the published directory): fleet,
                       names, networks and keys are checked against it, and only it can tell that a
                       manifest is complete
  --previous NOTE      what is published now: the manifest before this one, or the root before this
                       root. Without it, the complete note at OUT or in the directory ROOT is taken.
  -o, --out OUT        where the complete note goes (FILE, or NAME.note for NAME.pending.note); '-'
                       is standard output
  --sha256 DIGEST      sign without asking if this is the text's SHA-256, in 64 hex digits
  --yes                sign without asking
  --ignore CODE        sign in spite of a finding that is an error; may be given again

Examples
  hostspin-sign sign manifest.toml --root public --key alice.key -o public/manifest.note
  hostspin-sign sign manifest.pending.note --root public --key bob.key -o public/manifest.note
  hostspin-sign sign root-2.toml --key r1.key --previous public/root/1.note -o public/root/2.note
  hostspin-sign sign manifest.toml --root public --vkey hsm.vkey \
      --signer-cmd 'openssl pkeyutl -sign -rawin -inkey hsm.pem -in {}'
)";

/// A root's threshold and its predecessor's, both of which must sign; a manifest's from its root.
struct Ring {
  std::string what;  ///< "the manifest keys of root 3"
  KeyRing keys;
};

class Sign : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("FILE", path_);
    signers_.declare(options);
    options.option("--root", root_);
    options.option("--previous", previous_);
    options.option("-o,--out", out_);
    consent_.declare(options);
    options.repeated("--ignore", ignored_);
  }

  Result<int> run(Desk& desk) override {
    Result<void> asked = check_options();
    if (!asked) return std::move(asked).error();
    // Read once: the bytes in memory are what is checked, shown and signed, whatever becomes of the
    // file meanwhile.
    Result<Document> document = load_document(path_);
    if (!document) return std::move(document).error();
    Result<void> joined = join_others(desk, *document);
    if (!joined) return std::move(joined).error();
    Review review;
    review.digest = document->digest();
    Result<std::vector<Ring>> rings = examine(desk, *document, &review);
    if (!rings) return std::move(rings).error();
    Result<void> intact = check_lines(*document, *rings);
    if (!intact) return std::move(intact).error();

    show(review, desk.console);
    if (const std::optional<Error> refused = first_error(review.findings)) return *refused;
    Result<void> agreed = consent_.ask(review, desk.console);
    if (!agreed) return std::move(agreed).error();

    const Result<std::vector<VerifierKey>> signers = signers_.sign(desk, *document);
    if (!signers) return signers.error();
    const bool complete = is_complete(*document, *rings);
    Result<void> written = complete ? publish(desk, *document) : keep_pending(*document);
    if (!written) return std::move(written).error();
    report(desk, *document, *rings, *signers, complete);
    return kFine;
  }

 private:
  Result<void> check_options() const {
    Result<void> done = signers_.check();
    if (done) done = consent_.check();
    if (done) done = check_lint_codes(ignored_);
    return done;
  }

  [[nodiscard]] std::string out() const { return !out_.empty() ? out_ : completed_path(path_); }

  /// The signatures that others have given the very same text: beside it, and where it will go.
  Result<void> join_others(Desk& desk, Document& document) const {
    const Result<bool> joined = join_pending(document);
    if (!joined) return joined.error();
    if (*joined) desk.console.note("the signatures in " + pending_path(path_) + " are kept");
    const std::string place = out();
    if (place == "-" || place == path_ || !exists(place)) return {};
    const Result<Document> present = load_document(place);
    if (!present || present->is_draft() || present->text != document.text) return {};
    return merge_signatures(document, *present);
  }

  /// Everything a client checks, and what a person should see before signing. Done again, without
  /// a review, once the signatures are there.
  Result<std::vector<Ring>> examine(Desk& desk, const Document& document, Review* review) const {
    return document.kind == DocumentKind::manifest ? examine_manifest(desk, document, review)
                                                   : examine_root(desk, document, review);
  }

  Result<std::vector<Ring>> examine_manifest(Desk& desk, const Document& document,
                                             Review* review) const {
    const Result<Manifest> manifest = read_manifest(document);
    if (!manifest) return manifest.error();
    if (manifest->expires <= desk.now) {
      return {Errc::expired, "the manifest expired at " + format_utc(manifest->expires),
              "give it a new life: hostspin-sign bump " + quoted(path_)};
    }
    std::vector<Ring> rings;
    std::optional<TrustRoot> root;
    if (!root_.empty()) {
      Result<TrustRoot> loaded = load_root(root_);
      if (!loaded) return std::move(loaded).error();
      root = *std::move(loaded);
      Result<void> allowed = check_under_root(*manifest, root->document());
      if (!allowed) return std::move(allowed).error();
      rings.push_back({"the manifest keys of root " + std::to_string(root->version()),
                       root->document().manifest.keys});
    }
    Result<std::optional<Published>> before = published_manifest(desk, root, review);
    if (!before) return std::move(before).error();
    if (*before) {
      Result<void> newer =
          check_not_older(*manifest, document, (*before)->manifest, (*before)->document);
      if (!newer) return unless_unpublished(std::move(newer).error(), **before);
    }
    if (review == nullptr) return rings;
    warn_about(desk, root);
    fill(*review, desk, document, *manifest, *before ? &**before : nullptr);
    return rings;
  }

  /// What stands at -o is taken for published, and may be no more than an earlier attempt.
  [[nodiscard]] Error unless_unpublished(Error error, const Published& before) const {
    if (error.code == Errc::equivocation && previous_.empty()) {
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
    review.heading = "manifest " + std::to_string(manifest.version) + " of fleet " +
                     manifest.fleet + ", epoch " + std::to_string(manifest.epoch) + ", issued " +
                     format_utc(manifest.issued) + ", expires " + format_utc(manifest.expires) +
                     ", " + count_of(manifest.services.size(), "service") + ":";
    review.content = list_services(manifest);
    LintContext context{desk.now, before == nullptr ? nullptr : &before->manifest, {}};
    review.findings = lint(document, manifest, context);
    leave_out(review.findings, ignored_);
    if (before == nullptr) return;
    review.compared_with = before->describe();
    review.changes = compare(before->manifest, manifest);
  }

  /// The last complete note. What is incomplete was never published, and hides changes if it is
  /// compared with.
  Result<std::optional<Published>> published_manifest(Desk& desk,
                                                      const std::optional<TrustRoot>& root,
                                                      const Review* review) const {
    for (const std::string& path : published_places()) {
      if (path.empty() || (path != previous_ && !exists(path))) continue;
      if (!root) return take_unproved(path);
      std::vector<std::string> folders = root_folders(root_);
      for (std::string& folder : root_folders(path)) folders.push_back(std::move(folder));
      Result<std::optional<Published>> found = load_published(path, lineage(*root, folders));
      if (!found || *found) return found;
      const std::string what = quoted(path) + " is not complete under root " +
                               std::to_string(root->version()) + " or one before it";
      if (path == previous_) {
        return {Errc::too_few_signatures, what + ", so it was never published",
                "give the note that hosts have now with --previous, and the published directory "
                "with --root, where older roots count too"};
      }
      if (review != nullptr) desk.console.warning(what + ": nothing is compared with it");
    }
    return std::optional<Published>();
  }

  [[nodiscard]] std::vector<std::string> published_places() const {
    if (!previous_.empty()) return {previous_};
    const std::string place = out();
    return {place == "-" || place == path_ ? "" : place,
            root_.empty() ? "" : manifest_beside(root_)};
  }

  /// Without a root nobody can tell whether it is complete; that was warned of.
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
    const std::string previous = !previous_.empty() ? previous_ : root_;
    std::optional<TrustRoot> before;
    std::optional<Published> published;
    if (!previous.empty()) {
      Result<TrustRoot> loaded = load_root(previous, root->version - 1);
      if (!loaded) return std::move(loaded).error();
      before = *std::move(loaded);
      Result<void> follows = check_succession(before->document(), *root);
      if (!follows) return annotate(std::move(follows).error(), shown_path(path_));
      rings.push_back({"the root keys of root " + std::to_string(before->version()),
                       before->document().root_keys});
      published = published_beside(previous, *before);
    }
    if (review == nullptr) return rings;
    review->heading = "root " + std::to_string(root->version) + " of fleet " + root->fleet +
                      ", issued " + format_utc(root->issued) + ", expires " +
                      format_utc(root->expires) + ":";
    review->content = list_rules(*root);
    review->findings = lint(*root, {desk.now, before ? &before->document() : nullptr,
                                    published ? &*published : nullptr});
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

  /// A line of a known key that does not verify makes clients refuse the note, whoever else signs.
  static Result<void> check_lines(const Document& document, const std::vector<Ring>& rings) {
    for (const Ring& ring : rings) {
      const std::vector<std::string> bad = bad_lines(document, ring.keys);
      if (bad.empty()) continue;
      return {Errc::bad_signature,
              shown_path(document.path) + " was changed after " + join(bad, ", ") + " signed it",
              "'hostspin-sign bump' takes the old signatures off and raises the version"};
    }
    return {};
  }

  /// Whether clients would find enough signatures: a manifest's root must be known for it, and a
  /// root's predecessor.
  [[nodiscard]] bool is_complete(const Document& document, const std::vector<Ring>& rings) const {
    const bool is_first_root = document.kind == DocumentKind::root && is_root_1(document);
    const std::size_t known = document.kind == DocumentKind::manifest || is_first_root ? 1 : 2;
    return rings.size() >= known && std::all_of(rings.begin(), rings.end(), [&](const Ring& ring) {
             return tally(document, ring.keys).met();
           });
  }

  static bool is_root_1(const Document& document) {
    const Result<RootDocument> root = read_root(document);
    return root && root->version == 1;
  }

  /// Much may have happened since the first look: a root with a higher min_version, or another text
  /// of this version published by others.
  Result<void> publish(Desk& desk, const Document& document) const {
    const Result<std::vector<Ring>> again = examine(desk, document, nullptr);
    if (!again) return again.error();
    const std::string place = out();
    if (place == "-") {
      desk.console.result(document.bytes);
      return {};
    }
    Result<void> fits = check_place(document, place);
    if (!fits) return fits;
    if (path_ == "-" || pending_path(path_) == place) {
      return replace_document(place, document.bytes);
    }
    const std::string pending = pending_path(path_);
    Result<void> done = replace_document(pending, document.bytes);
    if (!done) return done;
    return move_document(pending, place, document.bytes);
  }

  /// A complete note never takes the place of something else that hosts may have, nor of a root.
  static Result<void> check_place(const Document& document, const std::string& place) {
    if (!exists(place)) return {};
    const Result<Document> present = load_document(place);
    if (!present) return {};  // no document: whatever it is, no host has it
    if (present->kind != document.kind) {
      return {Errc::usage,
              quoted(place) + " is a " + std::string(kind_name(present->kind)) +
                  ", and this is a " + std::string(kind_name(document.kind)),
              "give the right place with -o"};
    }
    const bool is_note = !present->is_draft() && present->text != document.text;
    if (document.kind == DocumentKind::root && is_note) {
      return {Errc::equivocation, quoted(place) + " is a root with another text",
              "a published root is never replaced: raise the version, or give another place with "
              "-o"};
    }
    return {};
  }

  Result<void> keep_pending(const Document& document) const {
    if (out() == "-") return {};  // report() prints it
    if (path_ == "-") {
      return {Errc::usage,
              "the note is not complete yet, and standard input has no place beside it",
              "give the draft as a file, or pass the note on with -o -"};
    }
    return replace_document(pending_path(path_), document.bytes);
  }

  /// Who signed, and who still has to.
  void report(Desk& desk, const Document& document, const std::vector<Ring>& rings,
              const std::vector<VerifierKey>& signers, bool complete) const {
    warn_about_strangers(desk, rings, signers);
    const std::string place = complete || out() == "-" ? out() : pending_path(path_);
    std::vector<std::string> names;
    for (const VerifierKey& key : signers) {
      if (std::find(names.begin(), names.end(), key.name()) == names.end()) {
        names.push_back(key.name());
      }
    }
    desk.console.note(place + ": signed as " + join(names, ", "));
    for (const Ring& ring : rings) {
      desk.console.note("  of " + ring.what + ": " + tally(document, ring.keys).describe());
    }
    if (complete) {
      desk.console.note("complete: it can be published");
      return;
    }
    if (out() == "-") desk.console.result(document.bytes);
    desk.console.note("not complete, so " + (out() == "-" ? "it" : quoted(out())) +
                      (out() == "-" ? " must not be published yet" : " is as it was"));
    say_next(desk, rings, place);
  }

  static void warn_about_strangers(Desk& desk, const std::vector<Ring>& rings,
                                   const std::vector<VerifierKey>& signers) {
    for (const VerifierKey& key : signers) {
      const bool known =
          rings.empty() || std::any_of(rings.begin(), rings.end(), [&](const Ring& r) {
            return std::find(r.keys.keys.begin(), r.keys.keys.end(), key) != r.keys.keys.end();
          });
      if (known) continue;
      desk.console.warning(quoted(key.name()) +
                           " is none of the keys that count here: clients "
                           "ignore its line until a root lists it");
    }
  }

  /// With what this signer compared against: who copies the line shall see no less.
  void say_next(Desk& desk, const std::vector<Ring>& rings, const std::string& place) const {
    const std::string root = root_.empty() ? " --root ROOT" : " --root " + root_;
    const std::string previous = previous_.empty() ? "" : " --previous " + previous_;
    const std::string to = out_.empty() ? "" : " -o " + out_;
    const bool is_root = !rings.empty() && rings.front().what == "its own root keys";
    desk.console.note("next: whoever signs too looks at it and runs  hostspin-sign sign " + place +
                      (is_root && root_.empty() ? "" : root) + previous + " --key THEIR-KEY" + to);
  }

  std::string path_;
  SignerOptions signers_;
  std::string root_;
  std::string previous_;
  std::string out_;
  Consent consent_;
  std::vector<std::string> ignored_;
};

}  // namespace

const CommandEntry kSignCommand{"sign", kSignHelp, make_command<Sign>};

}  // namespace hostspin::desk
