#pragma once

#include <chrono>
#include <optional>
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
  std::optional<std::pair<std::int64_t, std::int64_t>> floor;
  std::chrono::sys_seconds now;      ///< by the clock rule
  std::vector<std::string> remarks;  ///< files that did not verify, and why

  [[nodiscard]] const RootDocument& root() const { return chain.trusted().document(); }
  [[nodiscard]] Held held() const {
    return Held{current ? &*current : nullptr, floor, rotated_keys};
  }
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

/// The present block's header as memory of last resort: where no stored manifest verifies and the
/// header speaks of this root's fleet and epoch, it raises the floor.
void remember_header(Standing& standing, const std::optional<FoundBlock>& block);

/// Whether the present block must stay although the held manifest is older than its header says:
/// what it pins is all within the root's names and networks.
[[nodiscard]] bool keeps_newer_block(const Standing& standing,
                                     const std::optional<FoundBlock>& block);

}  // namespace hostspin
