#include <algorithm>

#include "command.h"
#include "desk_files.h"
#include "hostspin/time_text.h"
#include "judgement.h"
#include "rules.h"
#include "verifier_argument.h"
#include "words.h"

namespace hostspin::desk {
namespace {

constexpr std::string_view kHelp =
    R"(Say what clients would say of a document, and what deserves a second look.

Usage: hostspin-sign check FILE [--root ROOT] [--previous NOTE] [--at TIME] [--signed]
       hostspin-sign check FILE --key VKEY… [--threshold N]

FILE is a manifest or a root, a draft or signed. The second form judges any signed note by the keys
given, as Go's sumdb/note does.

  --root ROOT          the root that clients trust (a note, or the published directory); a signed
                       manifest cannot be judged without
  --previous NOTE      what is published now: is this newer, and what changes?
  --published NOTE     of a root: the manifest that hosts have now, if it is not manifest.note
                       beside the root before
  --signed             refuse a draft: nothing unsigned may pass a gate before publication
  --at TIME            judge at that time, as in 2026-10-01T12:00:00Z, not now
  --source URL         a source that hosts fetch from: is its host name pinned? May be given again
  --ignore CODE        leave a finding out; may be given again
  --key VKEY…          verifier keys, or files that have them
  --threshold N        how many of these keys must have signed (all of them)
  --output json        one JSON object, schema hostspin.check/1

Exit status: 0 fine, 1 fine but with warnings, 2 clients would refuse it, 3 could not judge.

Findings, each with its code in brackets: no-check, unsupported-check, broken-logins,
single-instance, shared-address, lifetime-short, lifetime-long, issued-ahead, expires-soon,
shrinks, version-jump, source-not-pinned, unknown-key, not-compared, root-not-given, root-lifetime,
no-spare-key, single-signer, kms-4096, drops-published, epoch-jump, key-taken-out, and as an error
public-suffix.
hostspin-sign(1) explains them.

Examples
  hostspin-sign check manifest.toml --root public --previous public/manifest.note
  hostspin-sign check public/manifest.note --root public --at 2026-12-24T00:00:00Z
  hostspin-sign check public/root/2.note --previous public/root/1.note --signed
)";

/// The host of "https://host:port/path"; empty where there is none, or an IP literal.
std::string host_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return {};
  const std::string rest = url.substr(scheme + 3);
  const std::string host = rest.substr(0, rest.find_first_of(":/"));
  const Result<IPAddress> literal = IPAddress::parse(host);
  return literal || host.starts_with('[') ? std::string() : host;
}

class CheckCommand : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("FILE", path_);
    options.option("--root", root_);
    options.option("--previous", previous_);
    options.option("--published", published_);
    options.option("--at", at_);
    options.flag("--signed", signed_);
    options.repeated("--source", sources_);
    options.repeated("--ignore", ignored_);
    options.list("--key", keys_);
    options.number("--threshold", threshold_, 1, kSignatureLinesMax);
    options.exclusive("--key", "--root");
    options.exclusive("--key", "--previous");
    options.exclusive("--key", "--published");
    options.needs("--threshold", "--key");
  }

  Result<int> run(Desk& desk) override {
    Result<void> understood = check_lint_codes(ignored_);
    if (!understood) return std::move(understood).error();
    std::chrono::sys_seconds now = desk.now;
    if (!at_.empty()) {
      const Result<std::chrono::sys_seconds> at = parse_time(at_);
      if (!at) return annotate(at.error(), "--at");
      now = *at;
    }
    Judgement judgement;
    judgement.path = path_;
    Result<void> judged = keys_.empty() ? judge_document(judgement, now) : judge_bare(judgement);
    if (!judged) {
      if (!is_about_document(judged.error().code)) return std::move(judged).error();
      judgement.refusal = std::move(judged).error();
    }
    leave_out(judgement.findings, ignored_);
    if (!judgement.refusal) judgement.refusal = first_error(judgement.findings);
    print(judgement, desk.console);
    return judgement.exit_code();
  }

 private:
  Result<void> judge_bare(Judgement& judgement) const {
    const Result<KeyRing> ring =
        read_key_ring(keys_, threshold_.value_or(static_cast<std::int64_t>(keys_.size())), "--key");
    if (!ring) return Error{Errc::usage, ring.error().detail, ring.error().hint};
    const Result<std::string> bytes = read_document(path_, kManifestNoteBytesMax);
    if (!bytes) return bytes.error();
    judgement.threshold = ring->threshold;
    const Result<VerifiedNote> note = open_bare_note(*bytes, *ring);
    if (!note) return note.error();
    for (const VerifierKey& key : note->signers()) judgement.signed_by.push_back(key.name());
    return {};
  }

  Result<void> judge_document(Judgement& judgement, std::chrono::sys_seconds now) const {
    const Result<Document> document = load_document(path_);
    if (!document) return document.error();
    judgement.kind = kind_name(document->kind);
    judgement.draft = document->is_draft();
    judgement.digest = document->digest();
    if (signed_ && judgement.draft) {
      return {Errc::too_few_signatures, "it is a draft that nobody has signed",
              "sign it with 'hostspin-sign sign'"};
    }
    if (document->kind == DocumentKind::root) return judge_root(judgement, *document, now);
    return judge_manifest(judgement, *document, now);
  }

  Result<void> judge_manifest(Judgement& judgement, const Document& document,
                              std::chrono::sys_seconds now) const {
    if (!published_.empty()) return published_is_for_roots();
    std::optional<TrustRoot> root;
    if (!root_.empty()) {
      Result<TrustRoot> loaded = load_root(root_);
      if (!loaded) return Error{Errc::usage, loaded.error().detail, loaded.error().hint};
      root = *std::move(loaded);
    } else if (!document.is_draft()) {
      return {Errc::usage,
              "the signatures of " + shown_path(path_) + " cannot be judged without a root",
              "give the root that clients trust with --root, or keys with --key"};
    }
    Result<Manifest> manifest = examine(judgement, document);
    if (!manifest) return std::move(manifest).error();
    state(judgement, *manifest);
    // What a half-signed note says is what the next signer wants to know: findings and changes come
    // with the refusal.
    Result<void> admitted = admit(judgement, document, *manifest, root);
    Result<void> newer = look(judgement, document, *manifest, now);
    if (!newer && !is_about_document(newer.error().code)) return newer;
    if (!admitted) return admitted;
    if (!newer) return newer;
    if (root && root->expired(now)) {
      return {Errc::root_expired, "root " + std::to_string(root->version()) + " expired at " +
                                      format_utc(root->document().expires)};
    }
    if (manifest->expires > now) return {};
    return {Errc::expired, "expired at " + format_utc(manifest->expires)};
  }

  /// Findings, and what changes against the published manifest, which it must not be older than.
  Result<void> look(Judgement& judgement, const Document& document, const Manifest& manifest,
                    std::chrono::sys_seconds now) const {
    LintContext context{now, nullptr, {}};
    for (const std::string& url : sources_) {
      if (std::string host = host_of(url); !host.empty()) context.source_hosts.push_back(host);
    }
    std::optional<Predecessor> before;
    if (!previous_.empty()) {
      Result<Predecessor> loaded = load_predecessor(previous_, document.kind);
      if (!loaded) return Error{Errc::usage, loaded.error().detail, loaded.error().hint};
      before = *std::move(loaded);
      context.previous = &*before->manifest;
    }
    for (Finding& finding : lint(document, manifest, context)) {
      judgement.findings.push_back(std::move(finding));
    }
    if (!before) return {};
    judgement.compared = true;
    judgement.changes = compare(*before->manifest, manifest);
    return check_not_older(manifest, document, *before->manifest, before->document);
  }

  /// The content. In a draft an unknown key is a mistake to correct; in a note that is signed, it
  /// is what clients ignore.
  static Result<Manifest> examine(Judgement& judgement, const Document& document) {
    Result<Manifest> strict = parse_manifest_draft(document.text, UnknownKeys::refuse);
    if (strict || document.is_draft()) return strict;
    Result<Manifest> lenient = parse_manifest_draft(document.text, UnknownKeys::ignore);
    if (lenient) {
      judgement.findings.push_back(
          {Finding::Level::warning, "unknown-key", "", strict.error().detail});
    }
    return lenient;
  }

  static void state(Judgement& judgement, const Manifest& manifest) {
    std::size_t names = 0;
    for (const Service& service : manifest.services) names += 1 + service.aliases.size();
    judgement.facts = {{"fleet", manifest.fleet},
                       {"version", std::to_string(manifest.version)},
                       {"epoch", std::to_string(manifest.epoch)},
                       {"issued", format_utc(manifest.issued)},
                       {"expires", format_utc(manifest.expires)},
                       {"services", std::to_string(manifest.services.size())},
                       {"names", std::to_string(names)}};
  }

  /// Signatures and constraints; of a draft, constraints alone.
  static Result<void> admit(Judgement& judgement, const Document& document,
                            const Manifest& manifest, const std::optional<TrustRoot>& root) {
    if (!root) {
      judgement.findings.push_back(
          {Finding::Level::note, "root-not-given", "",
           "fleet, names and networks were not compared with a root: give --root"});
      return {};
    }
    const KeyRing& ring = root->document().manifest.keys;
    judgement.threshold = ring.threshold;
    if (document.is_draft()) return check_under_root(manifest, root->document());
    judgement.signed_by = tally(document, ring).signed_by;
    const Result<AdmittedManifest> admitted = admit_manifest(document.bytes, *root);
    if (admitted) return {};
    return refused(document, ring, desk_advice(admitted.error(), root->document()));
  }

  /// Whose signature is missing, where that is the trouble.
  static Error refused(const Document& document, const KeyRing& ring, Error error) {
    if (error.code == Errc::too_few_signatures) {
      error.hint = "not to be published; before " + join(tally(document, ring).missing, ", ") +
                   " signs, 'hostspin-sign sign' shows all of it: whoever signs has looked";
    }
    return error;
  }

  Result<void> judge_root(Judgement& judgement, const Document& document,
                          std::chrono::sys_seconds now) const {
    Result<RootDocument> root = parse_root_text(document.text, UnknownKeys::refuse);
    if (!root && !document.is_draft()) {
      const Error strict = root.error();
      root = parse_root_text(document.text, UnknownKeys::ignore);
      if (root) {
        judgement.findings.push_back({Finding::Level::warning, "unknown-key", "", strict.detail});
      }
    }
    if (!root) return std::move(root).error();
    judgement.facts = {{"fleet", root->fleet},
                       {"version", std::to_string(root->version)},
                       {"epoch", std::to_string(root->manifest.epoch)},
                       {"issued", format_utc(root->issued)},
                       {"expires", format_utc(root->expires)}};
    judgement.threshold = root->root_keys.threshold;
    judgement.signed_by = tally(document, root->root_keys).signed_by;
    Result<void> followed = follow(judgement, document, *root, now);
    if (!followed) return followed;
    if (root->expires > now) return {};
    return {Errc::root_expired, "expired at " + format_utc(root->expires)};
  }

  /// Signatures, and the step from the root before.
  Result<void> follow(Judgement& judgement, const Document& document, const RootDocument& root,
                      std::chrono::sys_seconds now) const {
    const std::string path = !previous_.empty() ? previous_ : root_;
    std::optional<TrustRoot> before;
    if (!path.empty()) {
      // In the published directory the one before is meant, if there is one before.
      const auto wanted = root.version > 1 ? std::optional(root.version - 1) : std::nullopt;
      Result<TrustRoot> loaded = load_root(path, wanted);
      if (!loaded) return Error{Errc::usage, loaded.error().detail, loaded.error().hint};
      if (loaded->note_bytes() != document.bytes) before = *std::move(loaded);
    }
    if (!before && path.empty() && root.version > 1) {
      judgement.findings.push_back({Finding::Level::warning, "not-compared", "",
                                    "its predecessor's keys and rules were not looked at: give "
                                    "--previous"});
    }
    std::optional<Published> published;
    if (!before && !published_.empty()) return published_needs_a_root();
    if (before) {
      judgement.compared = true;
      judgement.changes = compare(before->document(), root);
      Result<std::optional<Published>> found =
          published_at(published_, path, *before, document.bytes);
      if (!found) return std::move(found).error();
      published = *std::move(found);
    }
    const RootLintContext context{now, before ? &before->document() : nullptr,
                                  published ? &*published : nullptr,
                                  published_.empty() && nothing_published_yet(path)};
    for (Finding& finding : lint(root, context)) judgement.findings.push_back(std::move(finding));
    if (document.is_draft())
      return before ? check_succession(before->document(), root) : Result<void>();
    const Result<TrustRoot> opened =
        before ? open_next_root(*before, document.bytes) : open_baked_root(document.bytes);
    if (opened) return {};
    const KeyRing& old = before ? before->document().root_keys : root.root_keys;
    const bool old_met = tally(document, old).met();
    return refused(document, old_met ? root.root_keys : old, opened.error());
  }

  std::string path_;
  std::string root_;
  std::string previous_;
  std::string published_;
  std::string at_;
  bool signed_ = false;
  std::vector<std::string> sources_;
  std::vector<std::string> ignored_;
  std::vector<std::string> keys_;
  std::optional<std::int64_t> threshold_;
};

}  // namespace

const CommandEntry kCheckCommand{"check", kHelp, make_command<CheckCommand>};

}  // namespace hostspin::desk
