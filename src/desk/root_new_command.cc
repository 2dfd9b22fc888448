#include <algorithm>

#include "command.h"
#include "desk_files.h"
#include "root_draft.h"
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
  hostspin-sign sign root-1.toml --key r1.key --key r2.key -o public/root/1.note
)";

/// More than half of the keys: no two halves can sign different texts.
std::int64_t majority(std::size_t keys) { return static_cast<std::int64_t>(keys / 2 + 1); }

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

}  // namespace

const CommandEntry kRootNewCommand{"root new", kNewHelp, make_command<RootNew>};

}  // namespace hostspin::desk
