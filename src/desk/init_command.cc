#include <algorithm>

#include "command.h"
#include "desk_files.h"
#include "document.h"
#include "hostspin/time_text.h"
#include "lint.h"
#include "private_key.h"
#include "root_text.h"
#include "rules.h"
#include "words.h"

namespace hostspin::desk {
namespace {

constexpr std::string_view kHelp =
    R"(Make a working fleet directory: keys, first root, sample manifest.

Usage: hostspin-sign init DIR --fleet NAME [--names PATTERN…] [--networks PREFIX…]

DIR is made, with
  keys/                the private keys, encrypted under one passphrase, and their .vkey files
  public/root/1.note   the first root, signed and ready: what every host is given
  manifest.toml        a sample manifest to edit and sign
  NEXT-STEPS.txt       what to do now, command by command
Publish public/ and nothing else of DIR.

  --fleet NAME             lower-case letters, digits, dots and hyphens; it never changes
  --names PATTERN…         what may be pinned: exact names, or *.x for every name below x
                           (default: *.NAME of the fleet)
  --networks PREFIX…       where pins may point (default: 10.0.0.0/8)
  --root-keys N, --root-threshold N            3 keys of which 2 must sign a root
  --manifest-keys N, --manifest-threshold N    2 keys of which 1 must sign a manifest
  --passphrase-fd N        read the passphrase from descriptor N
  --no-passphrase          leave the private keys unencrypted (for trying it out)

Example
  hostspin-sign init prod --fleet prod.example --names '*.svc.example.com' --networks 10.0.0.0/8
)";

inline constexpr std::int64_t kKeysMax = 16;
inline constexpr std::size_t kFleetBytesMax = 64;
inline constexpr std::chrono::days kRootLifetime{365};
inline constexpr std::chrono::days kManifestLifetime{30};

std::int64_t with_spare(std::int64_t threshold) { return std::min(threshold + 1, kKeysMax); }

struct NamedKey {
  std::string file;  ///< "root-1"
  SigningKey key;
};

Result<std::vector<NamedKey>> make_keys(const std::string& fleet, const std::string& role,
                                        std::int64_t count) {
  std::vector<NamedKey> keys;
  for (std::int64_t number = 1; number <= count; ++number) {
    const std::string file = role + "-" + std::to_string(number);
    std::string name = fleet;
    name.append("/").append(file);
    Result<SigningKey> key = new_signing_key(name);
    if (!key) return std::move(key).error();
    keys.push_back({file, *std::move(key)});
  }
  return keys;
}

KeyRing ring_of(const std::vector<NamedKey>& keys, std::int64_t threshold) {
  KeyRing ring;
  for (const NamedKey& named : keys) ring.keys.push_back(named.key.verifier);
  ring.threshold = static_cast<int>(threshold);
  return ring;
}

/// A name that `pattern` allows, for the sample.
std::string sample_name(const NamePattern& pattern) {
  return pattern.text().starts_with("*.") ? "db" + pattern.text().substr(1) : pattern.text();
}

/// An address within `network` that looks like a host's: ten above its base where that is inside.
std::string sample_address(const Prefix& network) {
  const std::string text = network.to_string();
  std::string base = text.substr(0, text.find('/'));
  Result<IPAddress> address = IPAddress::parse(base);
  if (!address) return base;
  std::array<std::uint8_t, 16> bytes = address->bytes();
  std::uint8_t& last = bytes.at(network.is_v6() ? 15 : 3);
  last = static_cast<std::uint8_t>(last + 10);
  const IPAddress raised = IPAddress::from_bytes(bytes.data(), network.is_v6());
  return network.contains(raised) ? raised.to_string() : base;
}

std::string sample_manifest(const RootDocument& root) {
  std::string text(format_line(DocumentKind::manifest));
  text += "\nfleet = " + toml_string(root.fleet) + "\nepoch = 1\nversion = 1\nmin_root = 1";
  text += "\nissued = " + format_utc(root.issued);
  text += "\nexpires = " + format_utc(root.issued + kManifestLifetime);
  text += R"(

# One [[service]] for each name that must resolve when DNS is gone. The addresses must be ones that
# stay: a virtual address, an anycast address, a load balancer. hostspin-manifest(5) has it all.

[[service]]
name = )" +
          toml_string(sample_name(root.manifest.names.front()));
  text += "\naddresses = [" + toml_string(sample_address(root.manifest.networks.front())) + "]";
  text += R"(
description = "a sample: put a service of yours here"
owner = "your on-call"
check = { tcp = 5432 }
)";
  return text;
}

/// One command a signer, the same for all: the last one moves the note to public/.
std::string sign_steps(std::int64_t threshold) {
  std::string text;
  for (std::int64_t number = 1; number <= threshold; ++number) {
    text += "     hostspin-sign sign manifest.toml --root public --key keys/manifest-" +
            std::to_string(number) + ".key -o public/manifest.note\n";
  }
  return text;
}

std::string next_steps(const std::string& fleet, std::int64_t threshold) {
  std::string text =
      "Fleet " + fleet + R"(: what to do now, from this directory.

1. Edit manifest.toml: the names that must resolve when DNS is gone, and their addresses.

2. Look at it as a client would:
     hostspin-sign check manifest.toml --root public

3. Sign it. Each signer is shown all of it, and asked. Until enough have signed, the note is kept
   as manifest.pending.note; nothing incomplete ever stands in public/:
)" + sign_steps(threshold) +
      R"(   A signer at another desk takes manifest.pending.note along, in the place of manifest.toml.

4. Publish public/, and nothing else, on any static web server that hosts can reach by IP address.

5. On every host, put public/root/1.note at /etc/hostspin/root.note, name the server as a [[source]]
   with its IP address in /etc/hostspin/hostspin.toml, then run
     hostspin refresh
     hostspin verify

6. Take the private keys apart: each root key to another person or place, off line, and off this
   machine. Copies of the .vkey files are all that anybody else needs.

For each change from then on:
     hostspin-sign bump manifest.toml
     (edit it)
)" + sign_steps(threshold) +
      R"(
Before the root expires, or when a key changes hands:
     hostspin-sign root next public -o root-2.toml
     (it says who must sign, what else to sign, and in which order to publish)
)";
  return text;
}

class Init : public Command {
 public:
  void declare(OptionSet& options) override {
    options.argument("DIR", directory_);
    options.required("--fleet", fleet_);
    options.list("--names", names_);
    options.list("--networks", networks_);
    options.number("--root-keys", root_keys_, 1, kKeysMax);
    options.number("--root-threshold", root_threshold_, 1, kKeysMax);
    options.number("--manifest-keys", manifest_keys_, 1, kKeysMax);
    options.number("--manifest-threshold", manifest_threshold_, 1, kKeysMax);
    passphrase_.declare(options, true);
  }

  /// Everything is made and checked in memory first: what can be refused leaves no directory
  /// behind.
  Result<int> run(Desk& desk) override {
    Result<void> good = check_fleet_name();
    if (!good) return std::move(good).error();
    fill_defaults();
    Result<std::vector<NamedKey>> root_keys = make_keys(fleet_, "root", *root_keys_);
    if (!root_keys) return std::move(root_keys).error();
    Result<std::vector<NamedKey>> manifest_keys = make_keys(fleet_, "manifest", *manifest_keys_);
    if (!manifest_keys) return std::move(manifest_keys).error();

    RootDocument root;
    root.fleet = fleet_;
    root.issued = desk.now;
    root.expires = desk.now + kRootLifetime;
    root.root_keys = ring_of(*root_keys, *root_threshold_);
    root.manifest.keys = ring_of(*manifest_keys, *manifest_threshold_);
    Result<void> bounded = read_constraints(root);
    if (bounded) bounded = check_suffixes(root, desk.now);
    if (!bounded) return std::move(bounded).error();
    const Result<Document> note = signed_root(root, *root_keys);
    if (!note) return note.error();
    const std::string manifest = sample_manifest(root);
    Result<Document> sample = parse_document(manifest, directory_ + "/manifest.toml");
    if (!sample) return std::move(sample).error();
    const Result<Manifest> content = read_manifest(*sample);
    if (!content) return content.error();
    Result<void> allowed = check_under_root(*content, root);
    if (!allowed) return std::move(allowed).error();

    std::optional<Secret> passphrase;
    if (!passphrase_.none) {
      Result<Secret> asked = ask_new_passphrase(passphrase_.source(), "all keys");
      if (!asked) return std::move(asked).error();
      passphrase = *std::move(asked);
    }
    Result<void> written = make_directories();
    for (const std::vector<NamedKey>* keys : {&*root_keys, &*manifest_keys}) {
      for (const NamedKey& named : *keys) {
        if (written) written = write_key(named, passphrase ? &*passphrase : nullptr);
      }
    }
    if (written) written = write_new(directory_ + "/public/root/1.note", note->bytes);
    if (written) written = write_new(directory_ + "/manifest.toml", manifest);
    if (written) {
      written = write_new(directory_ + "/NEXT-STEPS.txt", next_steps(fleet_, *manifest_threshold_));
    }
    if (!written) return std::move(written).error();
    report(desk, root);
    return kFine;
  }

 private:
  Result<void> check_fleet_name() const {
    constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789.-";
    const bool good = !fleet_.empty() && fleet_.size() <= kFleetBytesMax &&
                      fleet_.find_first_not_of(kAllowed) == std::string::npos;
    if (good) return {};
    return {Errc::usage, quoted(fleet_) + " cannot name a fleet",
            "use 1 to 64 lower-case letters, digits, dots and hyphens, as in prod.example"};
  }

  void fill_defaults() {
    if (names_.empty()) names_ = {"*." + fleet_};
    if (networks_.empty()) networks_ = {"10.0.0.0/8"};
    // One key more than must sign, so that a lost one ends nothing.
    if (!root_keys_) root_keys_ = with_spare(root_threshold_.value_or(2));
    if (!root_threshold_) root_threshold_ = *root_keys_ / 2 + 1;
    if (!manifest_keys_) manifest_keys_ = with_spare(manifest_threshold_.value_or(1));
    if (!manifest_threshold_) manifest_threshold_ = 1;
  }

  Result<void> read_constraints(RootDocument& root) const {
    for (const std::string& text : names_) {
      Result<NamePattern> pattern = NamePattern::parse(text);
      if (!pattern) {
        Error error = annotate(std::move(pattern).error(), "--names");
        error.hint = "give what may be pinned, for instance --names '*.svc.example.com'";
        return error;
      }
      root.manifest.names.push_back(*std::move(pattern));
    }
    for (const std::string& text : networks_) {
      Result<Prefix> prefix = Prefix::parse(text);
      if (!prefix) {
        Error error = annotate(std::move(prefix).error(), "--networks");
        error.hint = "give prefixes without host bits, for instance --networks 10.0.0.0/8";
        return error;
      }
      root.manifest.networks.push_back(*prefix);
    }
    return {};
  }

  /// It is signed without anybody being asked, so what 'sign' would refuse is refused here.
  static Result<void> check_suffixes(const RootDocument& root, std::chrono::sys_seconds now) {
    std::optional<Error> refused = first_error(lint(root, {now, nullptr, nullptr}));
    if (!refused) return {};
    refused->hint = "give what is yours alone, for instance --names '*.svc.example.com'";
    return *std::move(refused);
  }

  static Result<Document> signed_root(const RootDocument& root, const std::vector<NamedKey>& keys) {
    const std::string text = write_root_text(root);
    const Result<RootDocument> checked = parse_root_text(text, UnknownKeys::refuse);
    if (!checked) return checked.error();
    Result<Document> note = parse_document(text, "root/1.note");
    if (!note) return note;
    for (const NamedKey& named : keys) {
      const Result<Ed25519Signature> signature = named.key.secret.sign(note->text);
      if (!signature) return signature.error();
      const Result<Appended> added = append_signature(*note, named.key.verifier, *signature);
      if (!added) return added.error();
    }
    const Result<TrustRoot> opened = open_baked_root(note->bytes);
    if (!opened) return opened.error();
    return note;
  }

  Result<void> make_directories() const {
    Result<void> done = make_directory(directory_, 0755);
    if (done) done = make_directory(directory_ + "/keys", 0700);
    if (done) done = make_directory(directory_ + "/public", 0755);
    if (done) done = make_directory(directory_ + "/public/root", 0755);
    return done;
  }

  Result<void> write_key(const NamedKey& named, const Secret* passphrase) const {
    const Result<Secret> file = named.key.secret.to_pem(named.key.verifier, passphrase);
    if (!file) return file.error();
    const std::string path = directory_ + "/keys/" + named.file;
    Result<void> done = write_new_private(path + ".key", file->view());
    if (done) done = write_new(path + ".vkey", named.key.verifier.text() + "\n");
    return done;
  }

  void report(Desk& desk, const RootDocument& root) const {
    const auto of = [](const KeyRing& ring) {
      return std::to_string(ring.threshold) + " of " + std::to_string(ring.keys.size());
    };
    desk.console.result("fleet " + fleet_ + " is ready in " + directory_ + "\n");
    desk.console.note("  " + directory_ +
                      "/public/root/1.note  the first root: roots are signed by " +
                      of(root.root_keys) + " root keys, manifests by " + of(root.manifest.keys) +
                      " manifest keys");
    desk.console.note("  " + directory_ +
                      "/manifest.toml       a sample manifest: edit and sign it");
    desk.console.note("  " + directory_ +
                      "/NEXT-STEPS.txt      what to do now, command by command");
    if (passphrase_.none) {
      desk.console.warning("the private keys in " + directory_ +
                           "/keys are not encrypted: use them for trials only");
    }
  }

  std::string directory_;
  std::string fleet_;
  std::vector<std::string> names_;
  std::vector<std::string> networks_;
  std::optional<std::int64_t> root_keys_;
  std::optional<std::int64_t> root_threshold_;
  std::optional<std::int64_t> manifest_keys_;
  std::optional<std::int64_t> manifest_threshold_;
  PassphraseOptions passphrase_;
};

}  // namespace

const CommandEntry kInitCommand{"init", kHelp, make_command<Init>};

}  // namespace hostspin::desk
