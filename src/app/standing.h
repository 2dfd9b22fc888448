#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "context.h"
#include "hostspin/admission.h"
#include "hostspin/hosts_file.h"
#include "hostspin/manifest.h"
#include "hostspin/root.h"

namespace hostspin {

/// Where this machine stands before anything is fetched or written: S1–S3 of the client's
/// algorithm, all of it verified anew from the notes on disk (hostspin-trust(7)).
struct Standing {
  RootChain chain;
  bool baked_is_stored = false;  ///< the state directory has this very root already
  std::optional<AdmittedManifest> current;
  std::string current_path;  ///< the file `current` was read from
  bool stored_verified =
      false;  ///< `current` is, or is not older than, a stored manifest that verifies
  bool notes_refused = false;  ///< a manifest is here that cannot be read, or does not verify
  bool rotated_keys = false;   ///< `current` passes only under an older root of the chain
  std::optional<BlockHeader> header;  ///< of the present block, where `stored_verified` is not so
  /// Names of `current`, or of the one before an adoption, that the present block leaves out for
  /// being the machine's own: they stay out where nobody can say what that is.
  std::set<HostName> left_out;
  std::chrono::sys_seconds now;      ///< by the clock rule
  std::vector<std::string> remarks;  ///< files that did not verify, and why

  [[nodiscard]] const RootDocument& root() const { return chain.trusted().document(); }
  [[nodiscard]] Held held() const {
    return Held{current ? &*current : nullptr, floor(), rotated_keys, state_lost()};
  }
  /// (epoch, version) below which nothing is adopted; nothing: no floor but the root's.
  [[nodiscard]] std::optional<std::pair<std::int64_t, std::int64_t>> floor() const;
  /// Whether the block's header is all that remembers a newer manifest than the current one.
  [[nodiscard]] bool state_lost() const;
  /// What `rotated_keys` means, in words; there is a current manifest then.
  [[nodiscard]] std::string rotated_words() const;
};

/// Errc::no_trust_root or the reason the baked root does not verify: then nothing at all may be
/// done. Bad stored notes only leave remarks.
Result<Standing> take_standing(Context& context);

/// The same for a command that only reads, as any user may: Errc::denied where this one may not
/// read all of it, since what is missing from the rest would pass for what this machine holds.
Result<Standing> read_standing(Context& context);

/// U4: the successor that passed U3 is trusted from now on, and the current manifest judged under
/// it.
void trust_next(Standing& standing, TrustRoot root);

/// U12: an offer that may be adopted, and is kept in the file `path`, takes the place of the
/// current manifest.
void make_current(Standing& standing, AdmittedManifest offer, const std::string& path);

/// U4: Errc::root_expired where the trusted root has expired, and nothing may be adopted.
[[nodiscard]] Result<void> check_root_lasts(const Standing& standing);

/// The present block's header as memory of last resort (lost_state.h): where no stored manifest
/// verifies it counts for the floor, and for nothing where one does.
void remember_header(Standing& standing, const std::optional<FoundBlock>& block);

/// What becomes of the present block where the state is lost.
enum class LostState {
  no,
  kept,      ///< the block stays as it is, until a manifest at least as new is adopted
  replaced,  ///< it has lines outside the root's names and networks: the older seed is better
};
[[nodiscard]] LostState judge_lost_state(const Standing& standing,
                                         const std::optional<FoundBlock>& block);

}  // namespace hostspin
