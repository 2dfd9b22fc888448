#include <algorithm>

#include "command.h"
#include "desk_files.h"
#include "draft_edit.h"
#include "root_text.h"
#include "rules.h"
#include "verifier_argument.h"
#include "words.h"

namespace hostspin::desk {
namespace {

constexpr std::string_view kNewHelp =
    R"(Write the text of a fleet's first root: who signs what, and what may be pinned.

Usage: hostspin-sign root new --fleet NAME --root-key VKEY… --manifest-key VKEY…
                              --names PATTERN… --networks PREFIX… [-o FILE]

A VKEY is what 'hostspin-sign keygen' printed, or a file that has it. The text goes to FILE or
standard output; it means nothing until its root keys have signed it.

  --fleet NAME             lower-case letters, digits, dots and hyphens; it never changes
  --root-key VKEY…         the keys that sign roots: keep them off line, with different people
  --root-threshold N       how many of them must sign (more than half of them)
  --manifest-key VKEY…     the keys that sign manifests
  --manifest-threshold N   how many of them must sign (more than half of them)
  --names PATTERN…         what may be pinned: exact names, or *.x for every name below x
  --networks PREFIX…       where pins may point: prefixes of at least /8 (IPv6: /16)
  --expires WHEN           365d, or a time such as 2027-10-01T00:00:00Z
  -o, --out FILE           the new text; an existing file is never overwritten

Example
  hostspin-sign root new --fleet prod.example --root-key r1.vkey r2.vkey r3.vkey \
      --manifest-key alice.vkey bob.vkey --manifest-threshold 1 \
      --names '*.svc.example.com' --networks 10.0.0.0/8 -o root-1.toml
  hostspin-sign sign root-1.toml --key r1.key
)";

constexpr std::string_view kNextHelp =
    R"(Write the text of a root's successor, and say who must sign it.

Usage: hostspin-sign root next ROOT [CHANGE…] [-o FILE]

ROOT is the newest root note, or the published directory. The successor has the next version, is
issued now, and is otherwise the same but for the changes asked for. It is signed by the threshold
of the old root AND by its own. Publish it as root/<N>.note beside its predecessors; keep those.

  --add-root-key VKEY…, --remove-root-key NAME…, --root-threshold N
  --add-manifest-key VKEY…, --remove-manifest-key NAME…, --manifest-threshold N
  --add-name PATTERN…, --remove-name PATTERN…
  --add-network PREFIX…, --remove-network PREFIX…
  --min-version N          no client takes an older manifest any more
  --next-epoch             the cure after a manifest with a far too high version was signed: those
                           of the old epoch no longer count; min_version starts again at 1
  --expires WHEN           365d, or a time such as 2027-10-01T00:00:00Z
  -o, --out FILE           the new text; an existing file is never overwritten

Example: bob's key is lost, dave takes over
  hostspin-sign root next public --remove-manifest-key example.com/bob \
      --add-manifest-key dave.vkey -o root-2.toml
  hostspin-sign sign root-2.toml --key r1.key --previous public/root/1.note
)";

inline constexpr std::int64_t kThresholdMax = 16;
inline constexpr std::int64_t kVersionMax = (std::int64_t{1} << 53) - 1;

/// More than half of the keys: no two halves can sign different texts.
std::int64_t majority(std::size_t keys) { return static_cast<std::int64_t>(keys / 2 + 1); }

Result<std::vector<NamePattern>> read_names(const std::vector<std::string>& texts) {
  std::vector<NamePattern> names;
  for (const std::string& text : texts) {
    Result<NamePattern> pattern = NamePattern::parse(text);
    if (!pattern) return std::move(pattern).error();
    names.push_back(*std::move(pattern));
  }
  return names;
}

Result<std::vector<Prefix>> read_networks(const std::vector<std::string>& texts) {
  std::vector<Prefix> networks;
  for (const std::string& text : texts) {
    Result<Prefix> prefix = Prefix::parse(text);
    if (!prefix) return std::move(prefix).error();
    networks.push_back(*prefix);
  }
  return networks;
}

/// Checks the text as clients will, and puts it where it was asked for.
Result<void> deliver_root(Desk& desk, const std::string& text, const std::string& out) {
  const Result<RootDocument> checked = parse_root_text(text, UnknownKeys::refuse);
  if (!checked) return checked.error();
  if (checked->expires - checked->issued > kRootLifetimeWarning) {
    desk.console.warning("it lives longer than 400 days: a stolen key stays good as long");
  }
  if (!out.empty() && out != "-") return write_new(out, text);
  desk.console.result(text);
  return {};
}

std::string must_sign(const KeyRing& ring, std::string_view what) {
  return "  " + std::to_string(ring.threshold) + " of " + std::string(what) + ": " + names_of(ring);
}

class RootNew : public Command {
 public:
  void declare(OptionSet& options) override {
    options.required("--fleet", fleet_);
    options.list("--root-key", root_keys_);
    options.number("--root-threshold", root_threshold_, 1, kThresholdMax);
    options.list("--manifest-key", manifest_keys_);
    options.number("--manifest-threshold", manifest_threshold_, 1, kThresholdMax);
    options.list("--names", names_);
    options.list("--networks", networks_);
    options.option("--expires", expires_);
    options.option("-o,--out", out_);
  }

  Result<int> run(Desk& desk) override {
    if (root_keys_.empty() || manifest_keys_.empty() || names_.empty() || networks_.empty()) {
      return {Errc::usage, "a root needs --root-key, --manifest-key, --names and --networks",
              "see 'hostspin-sign root new --help', or let 'hostspin-sign init' make it all"};
    }
    RootDocument root;
    root.fleet = fleet_;
    root.issued = desk.now;
    const Result<std::chrono::sys_seconds> expires = parse_moment(expires_, desk.now);
    if (!expires) return annotate(expires.error(), "--expires");
    root.expires = *expires;

    Result<KeyRing> ring = read_key_ring(
        root_keys_, root_threshold_.value_or(majority(root_keys_.size())), "root keys");
    if (!ring) return std::move(ring).error();
    root.root_keys = *std::move(ring);
    ring =
        read_key_ring(manifest_keys_, manifest_threshold_.value_or(majority(manifest_keys_.size())),
                      "manifest keys");
    if (!ring) return std::move(ring).error();
    root.manifest.keys = *std::move(ring);

    Result<std::vector<NamePattern>> names = read_names(names_);
    if (!names) return annotate(std::move(names).error(), "--names");
    root.manifest.names = *std::move(names);
    Result<std::vector<Prefix>> networks = read_networks(networks_);
    if (!networks) return annotate(std::move(networks).error(), "--networks");
    root.manifest.networks = *std::move(networks);

    Result<void> done = deliver_root(desk, write_root_text(root), out_);
    if (!done) return std::move(done).error();
    desk.console.note("root 1 must be signed by");
    desk.console.note(must_sign(root.root_keys, "its root keys"));
    return kFine;
  }

 private:
  std::string fleet_;
  std::vector<std::string> root_keys_;
  std::optional<std::int64_t> root_threshold_;
  std::vector<std::string> manifest_keys_;
  std::optional<std::int64_t> manifest_threshold_;
  std::vector<std::string> names_;
  std::vector<std::string> networks_;
  std::string expires_ = "365d";
  std::string out_;
};

/// The changes to one role's keys.
struct KeyChanges {
  std::vector<std::string> add;
  std::vector<std::string> remove;
  std::optional<std::int64_t> threshold;

  [[nodiscard]] bool none() const { return add.empty() && remove.empty() && !threshold; }

  Result<void> apply(KeyRing& ring) const {
    for (const std::string& name : remove) {
      const auto gone = std::remove_if(ring.keys.begin(), ring.keys.end(), [&](const auto& key) {
        return key.name() == name || key.text() == name;
      });
      if (gone == ring.keys.end()) {
        return {Errc::usage, "there is no key named " + quoted(name) + " to remove",
                "the keys are " + names_of(ring)};
      }
      ring.keys.erase(gone, ring.keys.end());
    }
    for (const std::string& argument : add) {
      Result<VerifierKey> key = read_verifier_argument(argument);
      if (!key) return std::move(key).error();
      ring.keys.push_back(*std::move(key));
    }
    if (threshold) ring.threshold = static_cast<int>(*threshold);
    return {};
  }
};

/// The changes to a list of names or networks.
template <typename Item>
struct ListChanges {
  std::vector<std::string> add;
  std::vector<std::string> remove;

  [[nodiscard]] bool none() const { return add.empty() && remove.empty(); }

  template <typename Read>
  Result<void> apply(std::vector<Item>& items, Read read) const {
    Result<std::vector<Item>> gone = read(remove);
    if (!gone) return std::move(gone).error();
    for (const Item& item : *gone) {
      const auto found = std::find(items.begin(), items.end(), item);
      if (found == items.end()) {
        return {Errc::usage, "the root does not have it, so it cannot be removed",
                "compare with the root's own text"};
      }
      items.erase(found);
    }
    Result<std::vector<Item>> more = read(add);
    if (!more) return std::move(more).error();
    items.insert(items.end(), more->begin(), more->end());
    return {};
  }
};

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
    options.option("--expires", expires_);
    options.option("-o,--out", out_);
  }

  Result<int> run(Desk& desk) override {
    const Result<std::string> file = find_root(path_, {});
    if (!file) return file.error();
    const Result<TrustRoot> before = load_root(*file);
    if (!before) return before.error();
    RootDocument root = before->document();
    root.version += 1;
    root.issued = std::max(desk.now, root.issued);
    const Result<std::chrono::sys_seconds> expires = parse_moment(expires_, root.issued);
    if (!expires) return annotate(expires.error(), "--expires");
    root.expires = *expires;
    Result<void> changed = change(root);
    if (!changed) return std::move(changed).error();
    Result<void> follows = check_succession(before->document(), root);
    if (!follows) return std::move(follows).error();

    Result<std::string> text = text_of(*before, root);
    if (!text) return std::move(text).error();
    Result<void> done = deliver_root(desk, *text, out_);
    if (!done) return std::move(done).error();
    say_who_signs(desk, *file, before->document(), root);
    return kFine;
  }

 private:
  Result<void> change(RootDocument& root) const {
    Result<void> done = root_keys_.apply(root.root_keys);
    if (!done) return annotate(std::move(done).error(), "root keys");
    done = manifest_keys_.apply(root.manifest.keys);
    if (!done) return annotate(std::move(done).error(), "manifest keys");
    done = names_.apply(root.manifest.names, read_names);
    if (!done) return annotate(std::move(done).error(), "names");
    done = networks_.apply(root.manifest.networks, read_networks);
    if (!done) return annotate(std::move(done).error(), "networks");
    if (next_epoch_) {
      root.manifest.epoch += 1;
      root.manifest.min_version = 1;
    }
    if (min_version_) root.manifest.min_version = *min_version_;
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

  void say_who_signs(Desk& desk, const std::string& file, const RootDocument& before,
                     const RootDocument& root) const {
    Console& console = desk.console;
    const std::string version = std::to_string(root.version);
    console.note("root " + version + " must be signed by");
    console.note(
        must_sign(before.root_keys, "the root keys of root " + std::to_string(before.version)));
    if (names_of(before.root_keys) != names_of(root.root_keys) ||
        before.root_keys.threshold != root.root_keys.threshold) {
      console.note("and");
      console.note(must_sign(root.root_keys, "its own root keys"));
    }
    if (next_epoch_) {
      console.note("publish a manifest with  epoch = " + std::to_string(root.manifest.epoch) +
                   "  together with it");
    }
    console.note("next: hostspin-sign sign " + (out_.empty() ? "FILE" : out_) +
                 " --key KEY --previous " + file + "; when it is complete, publish it as root/" +
                 version + ".note");
  }

  std::string path_;
  KeyChanges root_keys_;
  KeyChanges manifest_keys_;
  ListChanges<NamePattern> names_;
  ListChanges<Prefix> networks_;
  std::optional<std::int64_t> min_version_;
  bool next_epoch_ = false;
  std::string expires_ = "365d";
  std::string out_;
};

}  // namespace

const CommandEntry kRootNewCommand{"root new", kNewHelp, make_command<RootNew>};
const CommandEntry kRootNextCommand{"root next", kNextHelp, make_command<RootNext>};

}  // namespace hostspin::desk
