#include "standing.h"

#include <algorithm>

namespace hostspin {
namespace {

using Rank = std::pair<std::int64_t, std::int64_t>;

struct Candidate {
  AdmittedManifest manifest;
  bool under_trusted_root = true;
};

/// Tries a note under the trusted root and then, newest first, under the older ones of the chain.
Result<Candidate> admit_under_chain(const StoredNote& note, const RootChain& chain) {
  Result<AdmittedManifest> newest = admit_manifest(note.bytes, chain.trusted());
  if (newest) return Candidate{std::move(*newest), true};
  for (auto root = chain.roots.rbegin() + 1; root != chain.roots.rend(); ++root) {
    Result<AdmittedManifest> older = admit_manifest(note.bytes, *root);
    if (older) return Candidate{std::move(*older), false};
  }
  return annotate(std::move(newest).error(), note.path);
}

void consider(Standing& standing, const Result<std::optional<StoredNote>>& note, bool is_stored) {
  const auto refuse = [&](const Error& error) {
    standing.notes_refused = true;
    standing.remarks.push_back(error.detail);
  };
  if (!note) return refuse(note.error());
  if (!*note) return;
  Result<Candidate> candidate = admit_under_chain(**note, standing.chain);
  if (!candidate) return refuse(candidate.error());
  if (is_stored) standing.stored_verified = true;
  if (standing.current && standing.current->rank() >= candidate->manifest.rank()) return;
  standing.current = std::move(candidate->manifest);
  standing.current_path = (*note)->path;
  standing.rotated_keys = !candidate->under_trusted_root;
}

/// A stored manifest that verifies decides; but somebody put it back, or wrote the header, and an
/// administrator should hear of either. Said once, however often a file is worked out.
void remark_on_newer_block(Standing& standing, const Rank& block) {
  std::string remark = "the block says version " + std::to_string(block.second) +
                       ", newer than the stored manifest " +
                       std::to_string(standing.current->rank().second) +
                       ": an older state directory was put back, or the block was edited; the " +
                       "stored manifest counts";
  const auto& said = standing.remarks;
  if (std::find(said.begin(), said.end(), remark) == said.end()) {
    standing.remarks.push_back(std::move(remark));
  }
}

}  // namespace

Result<Standing> take_standing(Context& context) {
  Result<StoredNote> baked = context.store.baked_root();
  if (!baked) return std::move(baked).error();
  Result<TrustRoot> root = open_baked_root(baked->bytes);  // S1
  if (!root) {
    Error error = annotate(std::move(root).error(), "trust root " + baked->path);
    return Error{Errc::no_trust_root, std::move(error.detail),
                 "put back the root.note your fleet published; nothing was changed or requested"};
  }
  if (!context.config.fleet.empty() && root->document().fleet != context.config.fleet) {
    return {Errc::bad_config, "the configuration says fleet " + quoted(context.config.fleet) +
                                  ", the trust root " + baked->path + " is of fleet " +
                                  quoted(root->document().fleet)};
  }

  Standing standing;
  std::vector<std::string> unreadable;
  std::vector<std::pair<std::int64_t, std::string>> stored = context.store.stored_roots(unreadable);
  for (const std::string& path : unreadable) {
    standing.remarks.push_back(path + " cannot be read, or is no plain file");
  }
  standing.baked_is_stored =
      std::find(stored.begin(), stored.end(),
                std::pair(root->version(), std::string(root->note_bytes()))) != stored.end();
  standing.chain = replay_roots(std::move(*root), std::move(stored));  // S2
  if (!standing.chain.stopped.empty()) standing.remarks.push_back(standing.chain.stopped);
  standing.now = believed_time(system_time(context.env), standing.chain.trusted());
  if (context.config.tls_time_floor) {
    const std::chrono::sys_seconds floor = believed_time({}, standing.chain.trusted());
    context.certificate_floor = floor.time_since_epoch().count();
  }

  consider(standing, context.store.stored_manifest(), true);  // S3
  consider(standing, context.store.seed(baked->path), false);
  if (standing.current) standing.floor = standing.current->rank();
  return standing;
}

Result<Standing> read_standing(Context& context) {
  if (Result<void> readable = context.store.check_readable(); !readable) {
    return std::move(readable).error();
  }
  return take_standing(context);
}

void trust_next(Standing& standing, TrustRoot root) {
  standing.now = std::max(standing.now, root.document().issued);
  standing.chain.roots.push_back(std::move(root));
  if (!standing.current) return;
  const TrustRoot& trusted = standing.chain.trusted();
  standing.rotated_keys = !admit_manifest(standing.current->note_bytes(), trusted);
}

void remember_header(Standing& standing, const std::optional<FoundBlock>& block) {
  if (!block) return;
  const BlockHeader& header = block->header;
  if (header.fleet != standing.root().fleet || !header.version ||
      header.epoch != standing.root().manifest.epoch) {
    return;
  }
  const Rank rank{*header.epoch, *header.version};
  if (standing.floor && *standing.floor >= rank) return;
  if (standing.stored_verified) return remark_on_newer_block(standing, rank);
  standing.floor = rank;
}

bool keeps_newer_block(const Standing& standing, const std::optional<FoundBlock>& block) {
  if (standing.stored_verified || !block || !standing.floor) return false;
  if (standing.current && standing.current->rank() >= *standing.floor) return false;
  const ManifestRole& role = standing.root().manifest;
  if (block->foreign_lines > 0) return false;
  return std::all_of(block->pins.begin(), block->pins.end(), [&](const Pin& pin) {
    const bool named = std::any_of(role.names.begin(), role.names.end(),
                                   [&](const NamePattern& p) { return p.matches(pin.name); });
    const bool placed = std::any_of(role.networks.begin(), role.networks.end(),
                                    [&](const Prefix& p) { return p.contains(pin.address); });
    return named && placed && !is_reserved(pin.name) && !is_forbidden(pin.address);
  });
}

}  // namespace hostspin
