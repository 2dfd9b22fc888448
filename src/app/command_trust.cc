#include <filesystem>

#include "apply_report.h"
#include "commands.h"
#include "hostspin/crypto.h"
#include "hostspin/time_text.h"
#include "lock.h"
#include "output.h"
#include "pass_record.h"

namespace hostspin {
namespace {

std::string hex_id(std::uint32_t id) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", id);
  return {text.data(), 8};
}

Json root_json(const TrustRoot& root, std::chrono::sys_seconds now) {
  const RootDocument& document = root.document();
  const auto role = [](const KeyRing& ring) {
    Json keys = Json::array();
    for (const VerifierKey& key : ring.keys) keys.push_back(key.text());
    return Json{{"threshold", ring.threshold}, {"keys", std::move(keys)}};
  };
  return {{"version", document.version},
          {"fleet", document.fleet},
          {"issued", format_utc(document.issued)},
          {"expires", format_utc(document.expires)},
          {"expired", root.expired(now)},
          {"epoch", document.manifest.epoch},
          {"min_version", document.manifest.min_version},
          {"root", role(document.root_keys)},
          {"manifest", role(document.manifest.keys)}};
}

void print_role(Console& console, std::string_view label, const KeyRing& ring) {
  console.print("  " + std::string(label) + " keys, " + std::to_string(ring.threshold) + " of " +
                std::to_string(ring.keys.size()) + " must sign\n");
  for (const VerifierKey& key : ring.keys) console.print("    " + key.text() + "\n");
}

void print_root(Console& console, const TrustRoot& root) {
  const RootDocument& document = root.document();
  console.print("root " + std::to_string(document.version) + "  issued " +
                format_utc(document.issued) + "  expires " + format_utc(document.expires) +
                "  epoch " + std::to_string(document.manifest.epoch) + "  min_version " +
                std::to_string(document.manifest.min_version) + "\n");
}

/// Which ring's keys signed a note, told by verifying each line alone.
struct Signer {
  SignatureLine line;
  std::string role;  ///< "manifest", "root", or empty for a key that the trusted root does not know
  bool verifies = false;
};

std::vector<Signer> identify(const SplitNote& note, const RootDocument& root) {
  std::vector<Signer> signers;
  for (const SignatureLine& line : note.signatures) {
    Signer signer{line, "", false};
    const auto look = [&](const KeyRing& ring, const char* role) {
      for (const VerifierKey& key : ring.keys) {
        if (key.name() != line.name || key.id() != line.id || key.is_opaque()) continue;
        signer.role = role;
        Ed25519Signature signature{};
        if (line.signature.size() != signature.size()) continue;
        std::copy(line.signature.begin(), line.signature.end(), signature.begin());
        signer.verifies = verify_ed25519(key.public_key(), note.text, signature);
      }
    };
    look(root.manifest.keys, "manifest");
    look(root.root_keys, "root");
    signers.push_back(std::move(signer));
  }
  return signers;
}

/// Why an update cycle would not take this root over; empty for one that is held, or comes next.
std::optional<Error> refuse_root(const Standing& standing, const std::string& bytes) {
  for (const TrustRoot& root : standing.chain.roots) {
    if (root.note_bytes() == bytes) return std::nullopt;
  }
  Result<TrustRoot> next = open_next_root(standing.chain.trusted(), bytes);
  if (next) return std::nullopt;
  return std::move(next).error();
}

/// Why an update cycle would not adopt this manifest now; empty for the one that is held.
std::optional<Error> refuse_manifest(const Standing& standing, const std::string& bytes) {
  Result<AdmittedManifest> offer = admit_manifest(bytes, standing.chain.trusted());
  if (!offer) return std::move(offer).error();
  Result<Adoption> adoption = judge_offer(*offer, standing.held(), Staging{}, standing.now);
  if (!adoption) return std::move(adoption).error();
  return std::nullopt;
}

}  // namespace

ExitCode command_inspect(Env& env, const CommonOptions& options, const std::string& file) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "inspect", context.error());
  const std::string path = std::filesystem::absolute(file).string();
  Result<std::optional<std::string>> bytes = read_file(env.fs, "/", path, kManifestNoteBytesMax);
  if (!bytes) {
    Error error = std::move(bytes).error();
    if (error.code == Errc::io_error) error.hint = "name a file that holds a note";
    return fail(env, options, "inspect", error);
  }
  if (!*bytes)
    return fail(env, options, "inspect", Error{Errc::not_found, file + " does not exist"});

  const bool is_root = (*bytes)->starts_with(format_line(DocumentKind::root));
  const DocumentKind kind = is_root ? DocumentKind::root : DocumentKind::manifest;
  Result<SplitNote> note = split_note(**bytes, kind);
  if (!note) return fail(env, options, "inspect", annotate(std::move(note).error(), file));
  Result<Standing> standing = read_standing(*context);
  if (!standing) return fail(env, options, "inspect", standing.error());

  const std::optional<Error> refused =
      is_root ? refuse_root(*standing, **bytes) : refuse_manifest(*standing, **bytes);
  const std::vector<Signer> signers = identify(*note, standing->root());
  Json lines = Json::array();
  for (const Signer& signer : signers) {
    lines.push_back({{"name", signer.line.name},
                     {"id", hex_id(signer.line.id)},
                     {"role", signer.role},
                     {"verifies", signer.verifies}});
  }
  const std::string what = std::string(is_root ? "root" : "manifest") + " note";
  const std::string by = " by root " + std::to_string(standing->root().version) + " of fleet " +
                         standing->root().fleet;
  const ExitCode code = finish(
      env, options, "inspect", refused ? ExitCode::critical : ExitCode::ok,
      refused ? what + " that this host would refuse: " + refused->detail
              : what + ", accepted" + by,
      refused, {{"file", file}, {"kind", is_root ? "root" : "manifest"}, {"signatures", lines}});
  if (options.format != OutputFormat::text) return code;
  for (const Signer& signer : signers) {
    const std::string state = signer.role.empty() ? "unknown key, ignored"
                              : signer.verifies   ? signer.role + " key, signature verifies"
                                                  : signer.role + " key, SIGNATURE DOES NOT VERIFY";
    env.console.print("  " + signer.line.name + "+" + hex_id(signer.line.id) + "  " + state + "\n");
  }
  return code;
}

ExitCode command_trust(Env& env, const CommonOptions& options) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "trust", context.error());
  Result<Standing> standing = read_standing(*context);
  if (!standing) return fail(env, options, "trust", standing.error());
  const TrustRoot& trusted = standing->chain.trusted();
  const bool expired = trusted.expired(standing->now);
  Json chain = Json::array();
  for (const TrustRoot& root : standing->chain.roots)
    chain.push_back(root_json(root, standing->now));
  const ExitCode code =
      finish(env, options, "trust",
             expired || !standing->remarks.empty() ? ExitCode::attention : ExitCode::ok,
             "root " + std::to_string(trusted.version()) + " of fleet " + standing->root().fleet +
                 (expired ? " has EXPIRED: " : " is trusted until ") +
                 format_utc(standing->root().expires),
             std::nullopt,
             {{"chain", std::move(chain)},
              {"manifest", manifest_json(*standing)},
              {"remarks", standing->remarks}});
  if (options.format != OutputFormat::text) return code;
  for (const TrustRoot& root : standing->chain.roots) print_root(env.console, root);
  print_role(env.console, "root", standing->root().root_keys);
  print_role(env.console, "manifest", standing->root().manifest.keys);
  for (const std::string& remark : standing->remarks) env.console.warning(remark);
  return code;
}

ExitCode command_trust_reset(Env& env, const CommonOptions& options, bool yes) {
  if (!yes) {
    return fail(
        env, options, "trust reset",
        Error{Errc::usage,
              "trust reset forgets every root and manifest adopted since the image was made: "
              "this host may then be shown old manifests again, down to the seed's version",
              "if that is what you want, say 'hostspin trust reset --yes'"});
  }
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "trust reset", context.error());
  Result<Lock> lock = Lock::take(env.fs, env.clock, options.root, kLockLimit);
  if (!lock) return fail(env, options, "trust reset", lock.error());
  Result<std::optional<std::string>> hold = context->store.hold_reason();
  if (!hold) return fail(env, options, "trust reset", hold.error());
  if (*hold) {
    return fail(env, options, "trust reset",
                Error{Errc::held, "the hosts file is held, and its block remembers a version too"});
  }

  // The block's header remembers a version too: it is cleared, and the pins stay until the next
  // apply.
  ReplaceRequest request;
  request.root = options.root;
  request.path = context->config.hosts_path;
  request.state_directory = context->store.paths().state;
  request.mode = context->config.write;
  request.edit = [](std::string_view bytes, bool) -> Result<std::optional<std::string>> {
    Result<HostsFile> file = parse_hosts(bytes);
    if (!file || !file->block) return std::optional<std::string>();
    const std::size_t end = file->block->bytes.find('\n');
    file->block->bytes.replace(0, end, "# BEGIN hostspin");
    return std::optional<std::string>(file->bytes());
  };
  Result<ReplaceOutcome> outcome = replace_file(env.fs, env.clock, request);
  if (!outcome) return fail(env, options, "trust reset", outcome.error());
  forget_block(*context);
  Result<std::vector<std::string>> removed = context->store.forget();
  if (!removed) return fail(env, options, "trust reset", removed.error());
  return finish(env, options, "trust reset", ExitCode::ok,
                "reset to the baked root; 'hostspin apply' and 'hostspin refresh' start from it",
                std::nullopt, {{"removed", *removed}});
}

}  // namespace hostspin
