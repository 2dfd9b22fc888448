#include <algorithm>
#include <optional>

#include "command.h"
#include "desk_files.h"
#include "draft_edit.h"
#include "draft_place.h"
#include "hostspin/time_text.h"
#include "meaning.h"
#include "pending.h"
#include "rules.h"
#include "words.h"

namespace hostspin::desk {
namespace {

constexpr std::string_view kBumpHelp =
    R"(Make a manifest's next edition: version + 1, issued now, a new expires.

Usage: hostspin-sign bump FILE [--expires 30d|TIME] [--previous NOTE] [--root ROOT] [-o OUT]

FILE is replaced, unless -o names another; a note with signatures never is: give -o for one, and
they are taken off, since they would no longer verify. Every other byte stays, comments included.
Then edit, sign and publish.

  --expires WHEN       30d, 12h, 2w, or a time such as 2026-10-01T12:00:00Z; without it the manifest
                       lives as long as before
  --previous NOTE      the manifest now published: the version is one above both
  --root ROOT          take over the epoch that this root asks for, as after 'root next', and go up
                       to its min_version at least
  -o, --out OUT        write there instead; '-' is standard output

Examples
  hostspin-sign bump manifest.toml
  hostspin-sign bump public/manifest.note --expires 14d -o manifest.toml
)";

constexpr std::string_view kTextHelp =
    R"(Print the text that the signatures of a note cover, or would cover.

Usage: hostspin-sign text FILE [-o OUT]

For signing tools that want the text as a file of its own; 'hostspin-sign sign' then imports their
signature. The text has passed every check that 'sign' makes on its content.

Example
  hostspin-sign text manifest.toml -o text
  signify -S -s ops.sec -m text -x text.sig
  hostspin-sign sign manifest.toml --import-signature text.sig --vkey ops.vkey
)";

constexpr std::string_view kDiffHelp =
    R"(Show what changes between two manifests or two roots, by meaning.

Usage: hostspin-sign diff OLD NEW [--output json]

Layout, comments and the order of services make no difference; signatures are not judged.

Exit status: 0 if nothing but version and times differs, 1 if something does.

Example
  hostspin-sign diff public/manifest.note manifest.toml
)";

/// The draft `bytes` to `path`, or to standard output for "-"; `hint` is for where a note stands.
Result<void> deliver(Desk& desk, const std::string& path, std::string_view bytes,
                     const std::string& hint) {
  if (Result<void> fits = check_draft_place(path, hint); !fits) return fits;
  if (path != "-") return replace_document(path, bytes);
  desk.console.result(bytes);
  return {};
}

class Bump : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("FILE", path_);
    options.option("--expires", expires_);
    options.option("--previous", previous_);
    options.option("--root", root_);
    options.option("-o,--out", out_);
  }

  Result<int> run(Desk& desk) override {
    const Result<Document> document = load_document(path_);
    if (!document) return document.error();
    if (document->kind == DocumentKind::root) {
      return {Errc::usage, shown_path(path_) + " is a root",
              "make its successor: hostspin-sign root next " + quoted(path_)};
    }
    const Result<Manifest> manifest = read_manifest(*document);
    if (!manifest) return manifest.error();
    std::int64_t version = manifest->version;
    if (!previous_.empty()) {
      const Result<Predecessor> previous = load_predecessor(previous_, DocumentKind::manifest);
      if (!previous) return previous.error();
      version = std::max(version, previous->manifest->version);
    }
    Result<std::chrono::sys_seconds> expires = desk.now + (manifest->expires - manifest->issued);
    if (!expires_.empty()) expires = parse_moment(expires_, desk.now);
    if (!expires) return annotate(std::move(expires).error(), "--expires");

    version += 1;
    std::optional<std::int64_t> epoch;
    if (!root_.empty()) {
      const Result<TrustRoot> root = load_root(root_);
      if (!root) return root.error();
      epoch = root->document().manifest.epoch;
      version = std::max(version, root->document().manifest.min_version);
    }
    Result<std::string> text = set_edition(document->text, version, desk.now, *expires);
    if (text && epoch) text = set_value(*text, "epoch", std::to_string(*epoch));
    if (!text) return annotate(std::move(text).error(), shown_path(path_));
    Result<Document> next = parse_document(*text, path_);
    if (!next) return std::move(next).error();
    const Result<Manifest> checked = read_manifest(*next);  // an expires too far ahead ends here
    if (!checked) return checked.error();
    return deliver_edition(desk, *document, *checked, *text);
  }

 private:
  Result<int> deliver_edition(Desk& desk, const Document& before, const Manifest& after,
                              const std::string& text) {
    const std::string out = !out_.empty() ? out_ : path_;
    Result<void> done = deliver(
        desk, out, text,
        "give the draft's place, such as -o " + (is_pending_path(out)     ? draft_of(out)
                                                 : out == "manifest.toml" ? "next.toml"
                                                                          : "manifest.toml"));
    if (!done) return std::move(done).error();
    desk.console.note("version " + std::to_string(after.version) + ", expires " +
                      format_utc(after.expires) +
                      (before.is_draft() ? "" : "; the signatures are taken off"));
    if (const std::string old = outdated_pending(out, text); !old.empty()) {
      desk.console.warning(quoted(old) +
                           " has signatures of another text: delete it before this one is signed");
    }
    if (out != "-") {
      desk.console.note("next: edit it, then  hostspin-sign sign " + out +
                        " --root ROOT --key KEY -o NOTE; NOTE is written when enough have signed");
    }
    return kFine;
  }

  std::string path_;
  std::string expires_;
  std::string previous_;
  std::string root_;
  std::string out_;
};

class Text : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("FILE", path_);
    options.option("-o,--out", out_);
  }

  Result<int> run(Desk& desk) override {
    const Result<Document> document = load_document(path_);
    if (!document) return document.error();
    if (document->kind == DocumentKind::manifest) {
      const Result<Manifest> manifest = read_manifest(*document);
      if (!manifest) return manifest.error();
    } else {
      const Result<RootDocument> root = read_root(*document);
      if (!root) return root.error();
    }
    Result<void> done =
        deliver(desk, out_, document->text,
                "give another file with -o, or use 'hostspin-sign bump' for the next edition");
    if (!done) return std::move(done).error();
    return kFine;
  }

 private:
  std::string path_;
  std::string out_ = "-";
};

class Diff : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("OLD", old_);
    options.argument("NEW", new_);
  }

  Result<int> run(Desk& desk) override {
    const Result<Document> document = load_document(new_);
    if (!document) return document.error();
    const Result<Predecessor> before = load_predecessor(old_, document->kind);
    if (!before) return before.error();
    const Result<Predecessor> after = load_predecessor(new_, document->kind);
    if (!after) return after.error();

    const std::vector<Change> changes = before->manifest
                                            ? compare(*before->manifest, *after->manifest)
                                            : compare(*before->root, *after->root);
    const bool substantial = is_substantial(changes);
    if (desk.console.json()) {
      desk.console.result(R"({"schema":"hostspin.diff/1","kind":")" +
                          std::string(kind_name(document->kind)) + R"(","substantial":)" +
                          (substantial ? "true" : "false") +
                          ",\"changes\":" + render_json(changes) + "}\n");
    } else {
      desk.console.result(changes.empty() ? "no difference\n"
                                          : count_of(changes.size(), "change") + "\n");
      desk.console.result(render(changes, desk.console));
    }
    return substantial ? kAttention : kFine;
  }

 private:
  std::string old_;
  std::string new_;
};

}  // namespace

const CommandEntry kBumpCommand{"bump", kBumpHelp, make_command<Bump>};
const CommandEntry kTextCommand{"text", kTextHelp, make_command<Text>};
const CommandEntry kDiffCommand{"diff", kDiffHelp, make_command<Diff>};

}  // namespace hostspin::desk
