#include "standing.h"

#include <algorithm>

#include "hostspin/lost_state.h"

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

/// Whether the header tells of a newer manifest than the current one, and counts for that.
bool is_newer(const BlockHeader& header, const Standing& standing) {
  const std::optional<Rank> floor = header_floor(header, standing.root());
  return floor && (!standing.current || standing.current->rank() < *floor);
}

/// A stored manifest that verifies decides; but somebody put it back, or wrote the header, and an
/// administrator should hear of either. Said once, however often a file is worked out.
void remark_on_newer_block(Standing& standing, const BlockHeader& block) {
  const Manifest& current = standing.current->manifest();
  const bool other_epoch = *block.epoch != current.epoch;
  const auto named = [&](std::int64_t epoch, std::int64_t version) {
    return (other_epoch ? "epoch " + std::to_string(epoch) + " " : std::string()) + "version " +
           std::to_string(version);
  };
  std::string remark =
      "the block says " + named(*block.epoch, *block.version) +
      ", newer than the stored manifest " +
      (other_epoch ? named(current.epoch, current.version) : std::to_string(current.version)) +
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

void make_current(Standing& standing, AdmittedManifest offer, const std::string& path) {
  standing.current = std::move(offer);
  standing.current_path = path;
  standing.stored_verified = true;
  standing.rotated_keys = false;
  standing.header.reset();
}

Result<void> check_root_lasts(const Standing& standing) {
  if (!standing.chain.trusted().expired(standing.now)) return {};
  return Error{Errc::root_expired, "root " + std::to_string(standing.root().version) +
                                       " has expired: nothing can be adopted"};
}

std::optional<Rank> Standing::floor() const {
  std::optional<Rank> floor;
  if (header) floor = header_floor(*header, root());
  if (current) floor = std::max(floor, std::optional(current->rank()));
  return floor;
}

bool Standing::state_lost() const { return header && is_newer(*header, *this); }

std::string Standing::rotated_words() const {
  return "manifest " + std::to_string(current->manifest().version) +
         " is good only under a root that root " + std::to_string(root().version) +
         " has replaced; it stays until a newer one is adopted";
}

void remember_header(Standing& standing, const std::optional<FoundBlock>& block) {
  if (!block || !is_newer(block->header, standing)) return;
  if (standing.stored_verified) return remark_on_newer_block(standing, block->header);
  // What another program has put in the block's place meanwhile lowers nothing.
  if (standing.header && header_floor(*standing.header, standing.root()) >=
                             header_floor(block->header, standing.root())) {
    return;
  }
  standing.header = block->header;
}

LostState judge_lost_state(const Standing& standing, const std::optional<FoundBlock>& block) {
  if (standing.stored_verified || !block || !is_newer(block->header, standing)) {
    return LostState::no;
  }
  // Without a seed there is nothing to write in its place.
  const bool stays = !standing.current || is_within(*block, standing.root().manifest);
  return stays ? LostState::kept : LostState::replaced;
}

}  // namespace hostspin
