#include "converge.h"

#include <algorithm>
#include <iterator>

#include "block_author.h"
#include "co_tenants.h"
#include "host_facts.h"
#include "lock.h"
#include "markers.h"

namespace hostspin {
namespace {

/// How much of the file is searched for another writer's marks: they stand near its top, and all
/// that comes of them is a name in a message.
constexpr std::size_t kMarkBytesMax = 256U << 10U;

std::vector<std::string> own_names_of(const Manifest& manifest, const std::set<HostName>& own) {
  std::vector<std::string> left_out;
  const auto note = [&](const HostName& name) {
    if (own.contains(name)) left_out.push_back(name.text());
  };
  for (const Service& service : manifest.services) {
    note(service.name);
    std::for_each(service.aliases.begin(), service.aliases.end(), note);
  }
  return left_out;
}

/// By which a block is known again that was written into this file.
std::string mark_of(const Context& context, std::string_view block) {
  return block_mark(block) + " " + context.config.hosts_path;
}

struct Prepared {
  Applied applied;
  std::string block;
  std::set<HostName> own;  ///< what this machine calls itself
};

/// Works out one file: its new bytes, or nothing where it is right, or must be kept. They, and the
/// plan, are views of `bytes`.
Result<std::optional<Pieces>> work_out(Context& context, Standing& standing,
                                       const Prepared& prepared, std::string_view bytes,
                                       bool exists, Applied& applied) {
  applied.plan = {};  // what an earlier reading of the file had led to
  applied.writer.clear();
  applied.found_mark.clear();
  applied.found_contradicts = false;
  applied.state_lost = false;
  applied.newer_block_replaced.reset();
  const std::string_view present = exists ? bytes : kNewHostsFile;
  Result<std::optional<FoundBlock>> found = find_block(present);
  if (!found) return annotate(std::move(found).error(), context.config.hosts_path);
  remember_header(standing, *found);
  const LostState lost = judge_lost_state(standing, *found);
  if (lost == LostState::replaced) applied.newer_block_replaced = (*found)->header;
  applied.state_lost = lost == LostState::kept;
  if (applied.state_lost) return std::optional<Pieces>();
  if (applied.nothing_held) return std::optional<Pieces>();

  if (*found) {
    applied.found_mark = mark_of(context, (*found)->bytes);
    applied.found_contradicts = (*found)->header.sha256 == standing.current->short_digest() &&
                                !names_left_out(**found, *standing.current);
  }
  Result<Plan> plan =
      plan_apply(present, prepared.block, applied.pins, context.config.conflicts, prepared.own);
  if (!plan) return annotate(std::move(plan).error(), context.config.hosts_path);
  applied.plan = std::move(*plan);
  if (!applied.plan.is_right()) applied.writer = name_writer(bytes.substr(0, kMarkBytesMax));
  if (applied.is_held || !applied.plan.changes) return std::optional<Pieces>();
  return std::optional<Pieces>(applied.plan.after);
}

/// What the plan comments out is in effect until it is written, and no conflict afterwards.
void settle_conflicts(Applied& applied) {
  if (applied.outcome.written) {
    applied.plan.conflict_lines -= applied.plan.hidden_lines;
  } else {
    for (Conflict& conflict : applied.plan.conflicts) conflict.commented_out = false;
  }
}

Result<std::optional<FoundBlock>> block_now(Context& context) {
  const std::string& path = context.config.hosts_path;
  const Result<std::optional<std::string>> bytes =
      read_file(context.env.fs, context.options.root, path, kHostsBytesMax);
  if (!bytes) return bytes.error();
  Result<std::optional<FoundBlock>> found = find_block(bytes->value_or(""));
  if (!found) return annotate(std::move(found).error(), path);
  return found;
}

void remember_left_out(Standing& standing, const FoundBlock& found) {
  if (!standing.current) return;
  const std::optional<std::set<HostName>> names = names_left_out(found, *standing.current);
  if (names) standing.left_out.insert(names->begin(), names->end());
}

/// Where nobody can say what the machine's own name is: what the block leaves out now. The kernel's
/// name, which may be from the network, keeps a pin from coming in, but takes none out.
std::set<HostName> names_to_keep_out(Context& context, Standing& standing) {
  std::set<HostName> names = kernel_names(context.options.root);
  const Result<std::optional<FoundBlock>> found = block_now(context);
  if (found && *found) {
    remember_left_out(standing, **found);
    for (const Pin& pin : (*found)->pins) names.erase(pin.name);
  }
  names.insert(standing.left_out.begin(), standing.left_out.end());
  return names;
}

Result<Prepared> prepare(Context& context, Standing& standing) {
  Prepared prepared;
  Result<std::optional<std::string>> held = context.store.hold_reason();
  if (!held) return std::move(held).error();
  prepared.applied.is_held = held->has_value();
  prepared.applied.held = held->value_or("");
  if (!standing.current) {
    prepared.applied.nothing_held = true;
    return prepared;
  }
  prepared.own = own_names(context.env.fs, context.options.root);
  prepared.applied.own_name_unreadable = own_name_unreadable(context.env.fs, context.options.root);
  if (!prepared.applied.own_name_unreadable.empty()) {
    prepared.own = names_to_keep_out(context, standing);
  }
  prepared.applied.own_names = own_names_of(standing.current->manifest(), prepared.own);
  const std::vector<std::string>& known = context.config.own_names;
  std::copy_if(prepared.applied.own_names.begin(), prepared.applied.own_names.end(),
               std::back_inserter(prepared.applied.unacknowledged), [&](const std::string& name) {
                 return std::find(known.begin(), known.end(), name) == known.end();
               });
  prepared.applied.pins = wanted_pins(standing.current->manifest(), prepared.own);
  Result<std::string> block =
      render_block(*standing.current, standing.root().version, prepared.own);
  if (!block) return std::move(block).error();
  prepared.block = std::move(*block);
  prepared.applied.mark = mark_of(context, prepared.block);
  return prepared;
}

/// A file whose markers are damaged is refused before state is touched, and what its header says
/// counts for what may be adopted. Half of another program's work is no damage yet.
Result<void> look_at_block(Context& context, Standing& standing) {
  Result<std::optional<FoundBlock>> found = block_now(context);
  if (!found) {
    context.env.clock.sleep(kSettleTime);
    found = block_now(context);
  }
  if (!found) return std::move(found).error();
  remember_header(standing, *found);
  if (*found) remember_left_out(standing, **found);
  return {};
}

}  // namespace

Result<Applied> preview_standing(Context& context, Standing& standing,
                                 const std::optional<std::string>& found) {
  Result<Prepared> prepared = prepare(context, standing);
  if (!prepared) return std::move(prepared).error();
  const std::string_view bytes = found ? std::string_view(*found) : std::string_view();
  const Result<std::optional<Pieces>> worked_out =
      work_out(context, standing, *prepared, bytes, found.has_value(), prepared->applied);
  if (!worked_out) return worked_out.error();
  settle_conflicts(prepared->applied);
  return std::move(prepared->applied);
}

Result<Applied> preview_standing(Context& context, Standing& standing) {
  const Result<std::optional<std::string>> found =
      read_file(context.env.fs, context.options.root, context.config.hosts_path, kHostsBytesMax);
  if (!found) return found.error();
  Result<Applied> applied = preview_standing(context, standing, *found);
  if (applied) applied->plan.after = {};  // its bytes are gone
  return applied;
}

Result<Applied> apply_standing(Context& context, Standing& standing) {
  Result<Prepared> prepared = prepare(context, standing);
  if (!prepared) return std::move(prepared).error();
  Applied& applied = prepared->applied;

  ReplaceRequest request;
  request.root = context.options.root;
  request.path = context.config.hosts_path;
  request.state_directory = context.store.paths().state;
  request.mode = context.config.write;
  request.edit = [&](std::string_view bytes, bool exists) {
    return work_out(context, standing, *prepared, bytes, exists, applied);
  };
  request.doubtful = [](std::string_view bytes) { return !gives_localhost(bytes); };
  Result<ReplaceOutcome> outcome = replace_file(context.env.fs, context.env.clock, request);
  if (!outcome) return std::move(outcome).error();
  applied.outcome = std::move(*outcome);
  applied.plan.after = {};  // its bytes are gone
  settle_conflicts(applied);
  return std::move(applied);
}

Result<Adopted> adopt(Context& context, Standing& standing, const std::string& note_bytes,
                      const Staging& staging) {
  Result<Standing> renewed = take_standing(context);
  if (!renewed) return std::move(renewed).error();
  renewed->now =
      std::max(renewed->root().issued, standing.now);  // one instant judges a whole cycle
  if (Result<void> sound = look_at_block(context, *renewed); !sound) {
    return std::move(sound).error();
  }

  if (renewed->root().version > standing.root().version) {
    Adopted nothing;
    nothing.later_root = true;
    standing = std::move(*renewed);
    return nothing;
  }

  const auto refuse = [&](Error error) {
    Adopted nothing;
    nothing.refused = std::move(error);
    standing = std::move(*renewed);
    return nothing;
  };
  Result<AdmittedManifest> offer = admit_manifest(note_bytes, renewed->chain.trusted());
  if (!offer) return refuse(std::move(offer).error());
  Result<Adoption> adoption = judge_offer(*offer, renewed->held(), staging, renewed->now);
  if (!adoption) return refuse(std::move(adoption).error());

  Adopted adopted;
  adopted.adoption = *adoption;
  if (*adoption == Adoption::adopt) {
    if (Result<void> kept = context.store.keep_manifest(note_bytes); !kept) {
      return annotate(std::move(kept).error(), "cannot keep the manifest");
    }
    make_current(*renewed, std::move(*offer), context.store.paths().state + "/manifest.note");
  }
  standing = std::move(*renewed);
  if (*adoption == Adoption::adopt) {
    Result<Applied> applied = apply_standing(context, standing);
    if (applied) {
      adopted.applied = std::move(*applied);
    } else {
      adopted.not_written = std::move(applied).error();
    }
  }
  return adopted;
}

Result<Adopted> preview_adoption(Context& context, Standing& standing,
                                 const std::string& note_bytes, const Staging& staging) {
  if (Result<void> sound = look_at_block(context, standing); !sound) {
    return std::move(sound).error();
  }
  Adopted adopted;
  Result<AdmittedManifest> offer = admit_manifest(note_bytes, standing.chain.trusted());
  if (!offer) {
    adopted.refused = std::move(offer).error();
    return adopted;
  }
  Result<Adoption> adoption = judge_offer(*offer, standing.held(), staging, standing.now);
  if (!adoption) {
    adopted.refused = std::move(adoption).error();
    return adopted;
  }
  adopted.adoption = *adoption;
  if (*adoption != Adoption::adopt) return adopted;
  make_current(standing, std::move(*offer), context.store.paths().state + "/manifest.note");
  Result<Applied> applied = preview_standing(context, standing);
  if (applied) {
    adopted.applied = std::move(*applied);
  } else {
    adopted.not_written = std::move(applied).error();
  }
  return adopted;
}

void tidy_state(Context& context, const Standing& standing) {
  context.store.sweep();
  if (standing.baked_is_stored) return;
  const TrustRoot& baked = standing.chain.roots.front();
  if (Result<void> kept = context.store.keep_root(baked.version(), baked.note_bytes()); !kept) {
    context.env.console.note("the baked root was not kept: " + kept.error().detail);
  }
}

Result<void> keep_root(Context& context, Standing& standing, TrustRoot root) {
  Result<Lock> lock =
      Lock::take(context.env.fs, context.env.clock, context.options.root, kLockLimit);
  if (!lock) return std::move(lock).error();
  // What cannot be read, or does not follow, is no root: it is replaced.
  const Result<std::optional<std::string>> found = context.store.stored_root(root.version());
  if (found && *found) {
    Result<TrustRoot> stored = open_next_root(standing.chain.trusted(), **found);
    if (stored) {
      trust_next(standing, *std::move(stored));
      return {};
    }
  }
  Result<void> kept = context.store.keep_root(root.version(), root.note_bytes());
  if (kept) trust_next(standing, std::move(root));
  return kept;
}

}  // namespace hostspin
