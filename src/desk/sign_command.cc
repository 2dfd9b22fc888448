#include <utility>

#include "command.h"
#include "desk_files.h"
#include "external_signer.h"
#include "hostspin/time_text.h"
#include "meaning.h"
#include "private_key.h"
#include "rules.h"
#include "verifier_argument.h"
#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kSignatureFileBytesMax = 4096;

constexpr std::string_view kSignHelp =
    R"(Append a signature to a manifest or a root.

Usage: hostspin-sign sign FILE --key KEY [--root ROOT] [--previous NOTE] [-o OUT]
       hostspin-sign sign FILE --signer-cmd CMD --vkey VKEY …
       hostspin-sign sign FILE --import-signature SIG --vkey VKEY …

FILE is a text that nobody has signed yet, or a note that others have signed. Before anything is
signed it passes every check that clients make, and what changes against the published one is shown;
what clients would refuse is refused here. FILE is replaced, unless -o names another file.

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
                       names, networks and keys are checked against it
  --previous NOTE      what is published now: the manifest before this one, or the root before this
                       root. Where -o names a published manifest, that is taken without asking.
  -o, --out OUT        write the note there; '-' is standard output. Signatures that OUT has already
                       over the very same text stay.

Examples
  hostspin-sign sign manifest.toml --key alice.key --root public -o public/manifest.note
  hostspin-sign sign public/manifest.note --key bob.key --root public
  hostspin-sign sign root-2.toml --key r1.key --previous public/root/1.note
  hostspin-sign sign manifest.toml --vkey hsm.vkey \
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
    options.repeated("-k,--key", keys_);
    options.option("--name", name_);
    passphrase_.declare(options, false);
    options.repeated("--signer-cmd", signer_);
    options.option("--import-signature", import_);
    options.option("--vkey", vkey_);
    options.option("--root", root_);
    options.option("--previous", previous_);
    options.option("-o,--out", out_);
    options.exclusive("--key", "--signer-cmd");
    options.exclusive("--key", "--import-signature");
    options.exclusive("--key", "--vkey");
    options.exclusive("--signer-cmd", "--import-signature");
  }

  Result<int> run(Desk& desk) override {
    Result<void> asked = check_signers();
    if (!asked) return std::move(asked).error();
    Result<Document> document = load_document(path_);
    if (!document) return std::move(document).error();
    Result<std::vector<Ring>> rings = document->kind == DocumentKind::manifest
                                          ? examine_manifest(desk, *document)
                                          : examine_root(desk, *document);
    if (!rings) return std::move(rings).error();
    Result<void> joined = join_present_signatures(desk, *document);
    if (!joined) return std::move(joined).error();
    Result<void> intact = check_lines(*document, *rings);
    if (!intact) return std::move(intact).error();

    Result<std::vector<VerifierKey>> signers = add_signatures(desk, *document);
    if (!signers) return std::move(signers).error();
    Result<void> written = write(desk, *document);
    if (!written) return std::move(written).error();
    report(desk, *document, *rings, *signers);
    return kFine;
  }

 private:
  Result<void> check_signers() const {
    if (keys_.empty() && signer_.empty() && import_.empty()) {
      return {
          Errc::usage, "nothing was given to sign with",
          "give --key KEY, --signer-cmd CMD --vkey VKEY, or --import-signature SIG --vkey VKEY"};
    }
    if (keys_.empty() && vkey_.empty()) {
      return {Errc::usage, "whose signature it will be is not said",
              "give the signer's verifier key with --vkey ('hostspin-sign vkey' prints it)"};
    }
    return {};
  }

  /// Everything a client checks of a manifest, and what a person should see before signing it.
  Result<std::vector<Ring>> examine_manifest(Desk& desk, const Document& document) {
    const Result<Manifest> manifest = read_manifest(document);
    if (!manifest) return manifest.error();
    if (manifest->expires <= desk.now) {
      return {Errc::expired, "the manifest expired at " + format_utc(manifest->expires),
              "give it a new life: hostspin-sign bump " + quoted(path_)};
    }
    if (manifest->issued > desk.now + kIssuedAheadMax) {
      desk.console.warning("issued lies in the future: " + format_utc(manifest->issued));
    }
    std::vector<Ring> rings;
    if (root_.empty()) {
      desk.console.warning("fleet, names, networks and keys are not checked: give --root ROOT");
    } else {
      const Result<TrustRoot> root = load_root(root_);
      if (!root) return root.error();
      Result<void> allowed = check_under_root(*manifest, root->document());
      if (!allowed) return std::move(allowed).error();
      if (root->expired(desk.now)) {
        desk.console.warning("root " + std::to_string(root->version()) + " expired at " +
                             format_utc(root->document().expires) +
                             ": clients adopt nothing until there is a new one");
      }
      rings.push_back({"the manifest keys of root " + std::to_string(root->version()),
                       root->document().manifest.keys});
    }
    Result<void> shown = show_changes(desk, document, *manifest);
    if (!shown) return std::move(shown).error();
    return rings;
  }

  /// The manifest now published: --previous, or what stands where the result will go.
  [[nodiscard]] std::string published_manifest() const {
    if (!previous_.empty() || out_.empty() || out_ == path_ || out_ == "-") return previous_;
    return exists(out_) ? out_ : "";
  }

  Result<void> show_changes(Desk& desk, const Document& document, const Manifest& manifest) {
    const std::string path = published_manifest();
    if (path.empty()) {
      desk.console.note("fleet " + manifest.fleet + ", version " +
                        std::to_string(manifest.version) + ", " +
                        count_of(manifest.services.size(), "service") + ", expires " +
                        format_utc(manifest.expires));
      return {};
    }
    const Result<Predecessor> before = load_predecessor(path, document.kind);
    if (!before) return before.error();
    Result<void> newer = check_not_older(manifest, document, *before->manifest, before->document);
    if (!newer)
      return previous_.empty() ? unless_unpublished(std::move(newer).error(), path) : newer;
    show(desk, path, compare(*before->manifest, manifest));
    return {};
  }

  /// What stands at -o is taken for published, and may be no more than an earlier attempt.
  static Error unless_unpublished(Error error, const std::string& path) {
    if (error.code == Errc::equivocation) {
      error.hint = "if " + quoted(path) + " was never published, delete it and sign again; if it " +
                   "was, " + error.hint;
    }
    return error;
  }

  static void show(Desk& desk, const std::string& path, const std::vector<Change>& changes) {
    if (changes.empty()) {
      desk.console.note("the same as " + path);
      return;
    }
    desk.console.note("changes against " + path + ":");
    const std::string rendered = render(changes, desk.console);
    for (const std::string_view line : lines_of(rendered)) {
      desk.console.note("  " + std::string(line));
    }
  }

  Result<std::vector<Ring>> examine_root(Desk& desk, const Document& document) {
    const Result<RootDocument> root = read_root(document);
    if (!root) return root.error();
    if (root->issued > desk.now + kIssuedAheadMax) {
      return {Errc::bad_root,
              "issued " + format_utc(root->issued) + " is more than 24 hours ahead of this clock",
              "clients would believe that time for good: correct it, or this machine's clock"};
    }
    if (root->expires <= desk.now) {
      return {Errc::root_expired, "the root expired at " + format_utc(root->expires),
              "set a later 'expires'"};
    }
    if (root->expires - root->issued > kRootLifetimeWarning) {
      desk.console.warning("this root lives for " + format_span(root->expires - root->issued) +
                           ": a stolen key stays good as long; 400 days are enough");
    }
    std::vector<Ring> rings{{"its own root keys", root->root_keys}};
    const std::string previous = !previous_.empty() ? previous_ : root_;
    if (previous.empty()) {
      if (root->version > 1) {
        desk.console.warning("not checked against root " + std::to_string(root->version - 1) +
                             ": give --previous NOTE");
      }
      return rings;
    }
    const Result<TrustRoot> before = load_root(previous, root->version - 1);
    if (!before) return before.error();
    Result<void> follows = check_succession(before->document(), *root);
    if (!follows) return annotate(std::move(follows).error(), shown_path(path_));
    show(desk, previous, compare(before->document(), *root));
    rings.push_back({"the root keys of root " + std::to_string(before->version()),
                     before->document().root_keys});
    return rings;
  }

  /// Where -o names a note with the very same text, its signatures stay: so every signer can run
  /// the same command, one after the other.
  Result<void> join_present_signatures(Desk& desk, Document& document) const {
    if (out_.empty() || out_ == path_ || out_ == "-" || !exists(out_)) return {};
    const Result<Document> present = load_document(out_);
    if (!present || present->is_draft() || present->text != document.text) return {};
    const std::size_t before = document.signatures.size();
    Result<void> merged = merge_signatures(document, *present);
    if (merged && document.signatures.size() > before) {
      desk.console.note("the signatures that " + out_ + " has already are kept");
    }
    return merged;
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

  Result<std::vector<VerifierKey>> add_signatures(Desk& desk, Document& document) {
    std::vector<VerifierKey> signers;
    for (const std::string& path : keys_) {
      const Result<SigningKey> key = load_signing_key(path, name_, passphrase_.source());
      if (!key) return key.error();
      const Result<Ed25519Signature> signature = key->secret.sign(document.text);
      if (!signature) return signature.error();
      Result<void> added = append(desk, document, key->verifier, *signature);
      if (!added) return std::move(added).error();
      signers.push_back(key->verifier);
    }
    if (!keys_.empty()) return signers;

    Result<VerifierKey> key = read_verifier_argument(vkey_);
    if (!key) return annotate(std::move(key).error(), "--vkey");
    if (key->is_opaque()) {
      return {Errc::bad_key, quoted(key->name()) + " is not an Ed25519 key", "give one that is"};
    }
    const Result<Ed25519Signature> signature = foreign_signature(desk, document);
    if (!signature) return signature.error();
    Result<void> added = append(desk, document, *key, *signature);
    if (!added) return std::move(added).error();
    signers.push_back(*std::move(key));
    return signers;
  }

  Result<Ed25519Signature> foreign_signature(Desk& desk, const Document& document) const {
    if (!import_.empty()) {
      const Result<std::string> bytes = read_document(import_, kSignatureFileBytesMax);
      if (!bytes) return bytes.error();
      Result<Ed25519Signature> signature = read_signature(*bytes);
      if (!signature) return annotate(std::move(signature).error(), shown_path(import_));
      return signature;
    }
    const std::vector<std::string> words = signer_.size() == 1 ? split_blanks(signer_[0]) : signer_;
    const bool is_kms = std::any_of(words.begin(), words.end(), [](const std::string& word) {
      return word.find("kms") != std::string::npos;
    });
    if (is_kms && document.text.size() > kKmsTextBytesMax) {
      desk.console.warning("the text has " + std::to_string(document.text.size()) +
                           " bytes; AWS KMS signs at most 4096");
    }
    return run_signer(words, document.text);
  }

  static Result<void> append(Desk& desk, Document& document, const VerifierKey& key,
                             const Ed25519Signature& signature) {
    const Result<Appended> appended = append_signature(document, key, signature);
    if (!appended) return appended.error();
    if (*appended == Appended::present) {
      desk.console.note(key.name() + " has signed this text already");
    }
    return {};
  }

  Result<void> write(Desk& desk, const Document& document) const {
    const std::string out = !out_.empty() ? out_ : path_;
    if (out != "-") return replace_document(out, document.bytes);
    desk.console.result(document.bytes);
    return {};
  }

  /// Who signed, and who still has to.
  void report(Desk& desk, const Document& document, const std::vector<Ring>& rings,
              const std::vector<VerifierKey>& signers) const {
    for (const VerifierKey& key : signers) {
      const bool known =
          rings.empty() || std::any_of(rings.begin(), rings.end(), [&](const Ring& r) {
            return std::find(r.keys.keys.begin(), r.keys.keys.end(), key) != r.keys.keys.end();
          });
      if (!known) {
        desk.console.warning(quoted(key.name()) +
                             " is none of the keys that count here: clients "
                             "ignore its line until a root lists it");
      }
    }
    const std::string out = !out_.empty() ? out_ : path_;
    std::vector<std::string> names;
    for (const VerifierKey& key : signers) {
      if (std::find(names.begin(), names.end(), key.name()) == names.end()) {
        names.push_back(key.name());
      }
    }
    desk.console.note(out + ": signed as " + join(names, ", "));
    bool complete = true;
    for (const Ring& ring : rings) {
      const Tally count = tally(document, ring.keys);
      complete = complete && count.met();
      desk.console.note("  of " + ring.what + ": " + count.describe());
    }
    if (!complete) {
      // With what this signer compared against: who copies the line shall see no less.
      const std::string root = root_.empty() ? "" : " --root " + root_;
      const std::string previous = previous_.empty() ? "" : " --previous " + previous_;
      desk.console.note("next: the others run  hostspin-sign sign " + out + root + previous +
                        " --key THEIR-KEY; publish it when it is complete");
    } else if (!rings.empty()) {
      desk.console.note("complete: it can be published");
    }
  }

  std::string path_;
  std::vector<std::string> keys_;
  std::string name_;
  PassphraseOptions passphrase_;
  std::vector<std::string> signer_;
  std::string import_;
  std::string vkey_;
  std::string root_;
  std::string previous_;
  std::string out_;
};

}  // namespace

const CommandEntry kSignCommand{"sign", kSignHelp, make_command<Sign>};

}  // namespace hostspin::desk
