#include <algorithm>
#include <optional>
#include <utility>

#include "command.h"
#include "desk_files.h"
#include "lint.h"
#include "pending.h"
#include "review.h"
#include "rules.h"
#include "sign_examination.h"
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
                       root. Of it and the complete notes at OUT and in the directory ROOT the
                       newest is compared with.
  --published NOTE     of a root: the manifest that hosts have now, if it is not manifest.note
                       beside the root before: does it hold under this root?
  -o, --out OUT        where the complete note goes (FILE, or NAME.note for NAME.pending.note); '-'
                       is standard output
  --sha256 DIGEST      sign without asking if this is the text's SHA-256, in 64 hex digits
  --yes                sign without asking
  --ignore CODE        sign in spite of a finding that is an error; may be given again

Examples
  hostspin-sign sign manifest.toml --root public --key alice.key -o public/manifest.note
  hostspin-sign sign manifest.pending.note --root public --key bob.key -o public/manifest.note
  hostspin-sign sign root-2.toml --key r1.key --previous public/root/1.note -o root-2.note
  hostspin-sign sign manifest.toml --root public --vkey hsm.vkey \
      --signer-cmd 'openssl pkeyutl -sign -rawin -inkey hsm.pem -in {}'
)";

class Sign : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("FILE", places_.path);
    signers_.declare(options);
    options.option("--root", places_.root);
    options.option("--previous", places_.previous);
    options.option("--published", places_.published);
    options.option("-o,--out", places_.out);
    consent_.declare(options);
    options.repeated("--ignore", ignored_);
  }

  Result<int> run(Desk& desk) override {
    Result<void> asked = check_options();
    if (!asked) return std::move(asked).error();
    // Read once: the bytes in memory are what is checked, shown and signed, whatever becomes of the
    // file meanwhile.
    Result<Document> document = load_document(places_.path);
    if (!document) return std::move(document).error();
    Result<void> joined = join_others(desk, *document);
    if (!joined) return std::move(joined).error();
    if (places_.destination() != "-") {
      Result<void> fits = check_place(*document, places_.destination());
      if (!fits) return std::move(fits).error();
    }
    Review review;
    review.digest = document->digest();
    Result<std::vector<Ring>> rings = examine(desk, *document, places_, ignored_, &review);
    if (!rings) return std::move(rings).error();
    Result<void> intact = check_lines(*document, *rings);
    if (!intact) return std::move(intact).error();

    show(review, desk.console);
    if (const std::optional<Error> refused = first_error(review.findings)) return *refused;
    Result<void> agreed = consent_.ask(review, desk.console);
    if (!agreed) return std::move(agreed).error();

    const Result<std::vector<VerifierKey>> signers = signers_.sign(desk, *document);
    if (!signers) return signers.error();
    // Others may have signed the same text since it was read: from here to the write nobody else
    // reads what this signer is about to replace.
    const Result<std::vector<DirectoryLock>> locks =
        DirectoryLock::take_all({places_.path, places_.destination()});
    if (!locks) return locks.error();
    joined = join_others(desk, *document);
    if (joined) joined = join_given_meanwhile(*document);
    if (joined) joined = check_lines(*document, *rings);
    if (!joined) return std::move(joined).error();
    bool complete = is_complete(*document, *rings);
    if (complete) {
      // Much may have happened since the first look: another root, with a higher threshold or
      // min_version, or another text of this version published by others.
      rings = examine(desk, *document, places_, ignored_, nullptr);
      if (!rings) return std::move(rings).error();
      complete = is_complete(*document, *rings);
    }
    Result<void> written = complete ? publish(desk, *document) : keep_pending(*document);
    if (!written) return std::move(written).error();
    if (review.previous_is_stale) places_.previous.clear();  // nobody else shall be told of it
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

  /// The signatures that others have given the very same text: beside it, and where it will go.
  Result<void> join_others(Desk& desk, Document& document) const {
    const Result<bool> joined = join_pending(document);
    if (!joined) return joined.error();
    if (*joined) desk.console.note("the signatures in " + pending_path(places_.path) + " are kept");
    const std::string place = places_.destination();
    if (place == "-" || place == places_.path || !exists(place)) return {};
    const Result<Document> present = load_document(place);
    if (!present || present->is_draft() || present->text != document.text) return {};
    return merge_signatures(document, *present);
  }

  /// What FILE itself has got since it was read, as a pending note does that others sign, too.
  Result<void> join_given_meanwhile(Document& document) const {
    if (places_.path == "-" || !exists(places_.path)) return {};
    const Result<Document> present = load_document(places_.path);
    if (!present || present->is_draft()) return {};
    if (present->text == document.text) return merge_signatures(document, *present);
    if (!is_pending_path(places_.path)) return {};
    return {Errc::bad_note, quoted(places_.path) + " has got another text since it was shown",
            "look at it, and sign that or another file"};
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

  /// Puts the complete note where it belongs, by one rename.
  Result<void> publish(Desk& desk, const Document& document) const {
    const std::string place = places_.destination();
    if (place == "-") {
      desk.console.result(document.bytes);
      return {};
    }
    Result<void> fits = check_place(document, place);
    if (fits) fits = check_taken(document, place);
    if (places_.path == "-" || pending_path(places_.path) == place) {
      return fits ? replace_document(place, document.bytes) : fits;
    }
    const std::string pending = pending_path(places_.path);
    Result<void> done = replace_document(pending, document.bytes);
    if (!done) return done;
    done = fits ? move_document(pending, place, document.bytes) : fits;
    if (done || !exists(pending)) return done;
    Error error = std::move(done).error();
    error.hint += "; the signed note is in " + quoted(pending);
    return error;
  }

  /// A manifest that the newest root published beside it refuses would leave hosts without any.
  Result<void> check_taken(const Document& document, const std::string& place) const {
    if (document.kind != DocumentKind::manifest) return {};
    const std::string directory = parent_of(place);
    if (!find_root(directory, {})) return {};
    const Result<TrustRoot> root = load_root(directory);
    if (!root) return root.error();
    const Result<AdmittedManifest> admitted = admit_manifest(document.bytes, *root);
    if (admitted) return {};
    const std::string named = "root " + std::to_string(root->version());
    Error error =
        annotate(admitted.error(), quoted(place) + " is not replaced: hosts have " + named +
                                       " from beside it, and would refuse the note");
    const Result<TrustRoot> own = load_root(places_.root);
    error.hint = own && own->version() > root->version()
                     ? "publish root " + std::to_string(own->version()) + " there first"
                     : "sign it under that root: --root " + directory;
    return error;
  }

  /// A complete note never takes the place of something else that hosts may have, nor of a root.
  static Result<void> check_place(const Document& document, const std::string& place) {
    Result<void> fits = check_replaceable(place);
    if (!fits || !exists(place)) return fits;
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
    if (places_.destination() == "-") return {};  // report() prints it
    if (places_.path == "-") {
      return {Errc::usage,
              "the note is not complete yet, and standard input has no place beside it",
              "give the draft as a file, or pass the note on with -o -"};
    }
    return replace_document(pending_path(places_.path), document.bytes);
  }

  /// Who signed, and who still has to.
  void report(Desk& desk, const Document& document, const std::vector<Ring>& rings,
              const std::vector<VerifierKey>& signers, bool complete) const {
    warn_about_strangers(desk, rings, signers);
    const std::string place = complete || places_.destination() == "-" ? places_.destination()
                                                                       : pending_path(places_.path);
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
    if (places_.destination() == "-") desk.console.result(document.bytes);
    desk.console.note(
        "not complete, so " +
        (places_.destination() == "-" ? "it" : quoted(places_.destination())) +
        (places_.destination() == "-" ? " must not be published yet" : " is as it was"));
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
    const std::string root = places_.root.empty() ? " --root ROOT" : " --root " + places_.root;
    const std::string previous = places_.previous.empty() ? "" : " --previous " + places_.previous;
    const std::string published =
        places_.published.empty() ? "" : " --published " + places_.published;
    const std::string to = places_.out.empty() ? "" : " -o " + places_.out;
    const bool is_root = !rings.empty() && rings.front().what == "its own root keys";
    desk.console.note("next: whoever signs too looks at it and runs  hostspin-sign sign " + place +
                      (is_root && places_.root.empty() ? "" : root) + previous + published +
                      " --key THEIR-KEY" + to);
  }

  SignPlaces places_;
  SignerOptions signers_;
  Consent consent_;
  std::vector<std::string> ignored_;
};

}  // namespace

const CommandEntry kSignCommand{"sign", kSignHelp, make_command<Sign>};

}  // namespace hostspin::desk
