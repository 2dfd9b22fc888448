#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "context.h"
#include "hostspin/hosts_file.h"
#include "hostspin/result.h"
#include "replace_file.h"
#include "standing.h"

namespace hostspin {

/// How long `apply` and the rest wait for another hostspin.
inline constexpr std::chrono::milliseconds kLockLimit{2000};

/// What one pass did, or would have done, to the hosts file.
struct Applied {
  bool nothing_held = false;  ///< no manifest on this machine yet
  bool state_lost = false;    ///< the block was kept: it is newer than any manifest held
  /// The header of a block that was newer, but not within the root's names and networks: the seed
  /// takes its place.
  std::optional<BlockHeader> newer_block_replaced;
  std::string held;  ///< the reason given to `hold`; the file was left alone
  bool is_held = false;
  Plan plan;  ///< as worked out last; `after` only of a preview of given bytes
  ReplaceOutcome outcome;
  std::vector<Pin> pins;               ///< what should be there
  std::vector<std::string> own_names;  ///< names of the manifest left out: they are this host's own
  /// Those of them that the configuration does not acknowledge: somebody's pin is missing here.
  std::vector<std::string> unacknowledged;

  /// Why the machine's own name cannot be read; empty where it can. What the block left out stays
  /// out then.
  std::string own_name_unreadable;

  std::string writer;      ///< who else writes the file as it was found; empty if it is right
  std::string mark;        ///< block_mark() of the block that should be there, and the file's path
  std::string found_mark;  ///< of the block that was found; empty where there was none
  /// The block that was found says it is of the held manifest, and hostspin writes none such for it
  /// on any machine.
  bool found_contradicts = false;
  /// Another program had altered the block, and it was put right. Found by record_pass(), since it
  /// takes what was last written to know.
  bool repaired = false;
};

/// S4: renders the block from the held manifest and makes the hosts file say so. The caller holds
/// the lock. With `standing.current` empty nothing is written. Raises the floor by the block's
/// header.
Result<Applied> apply_standing(Context& context, Standing& standing);

/// The same up to the point of writing: what apply_standing() would do to `found`, the file's bytes
/// (nothing where it is missing), which `plan.after` views.
Result<Applied> preview_standing(Context& context, Standing& standing,
                                 const std::optional<std::string>& found);
Result<Applied> preview_standing(Context&, Standing&, std::optional<std::string>&&) = delete;

/// What it would do to the file as it is now, without `plan.after`.
Result<Applied> preview_standing(Context& context, Standing& standing);

/// U12: state is read again, the offer judged again, stored, and applied. `standing` is renewed.
/// Adoption other than `adopt` leaves everything as it was. The caller holds the lock.
struct Adopted {
  Adoption adoption = Adoption::same;
  /// Another process has stored a later root, and nobody here has asked for its successor yet:
  /// nothing was adopted.
  bool later_root = false;
  /// Judged again under the lock, against what another process has adopted meanwhile.
  std::optional<Error> refused;
  std::optional<Applied> applied;
  std::optional<Error> not_written;  ///< adopted and stored, but not in the hosts file
};
Result<Adopted> adopt(Context& context, Standing& standing, const std::string& note_bytes,
                      const Staging& staging);

/// What adopt() would do, in `standing` alone: nothing is locked, read again, stored or written.
Result<Adopted> preview_adoption(Context& context, Standing& standing,
                                 const std::string& note_bytes, const Staging& staging);

/// What every pass that holds the lock does for the state directory: litter of a killed run goes,
/// and a newly baked root is kept like a fetched one, so that a chain stored below it still counts
/// after the next image. Best effort: an unwritable state directory is normal at early boot.
void tidy_state(Context& context, const Standing& standing);

/// U4: puts a root that passed U3 after the chain's last one into the state directory, under the
/// lock, and trusts it. A valid one that another process has stored meanwhile is not replaced but
/// trusted in its place.
Result<void> keep_root(Context& context, Standing& standing, TrustRoot root);

}  // namespace hostspin
