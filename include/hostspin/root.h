#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hostspin/host_name.h"
#include "hostspin/ip.h"
#include "hostspin/note.h"
#include "hostspin/result.h"

namespace hostspin {

/// The rules a root sets for manifests: who signs, and what even good signers may pin.
struct ManifestRole {
  KeyRing keys;
  std::int64_t epoch = 1;
  std::int64_t min_version = 1;
  std::vector<NamePattern> names;
  std::vector<Prefix> networks;
};

/// A root document's content. Plain data: what is trusted is a TrustRoot.
struct RootDocument {
  std::string fleet;
  std::int64_t version = 1;
  std::chrono::sys_seconds issued;
  std::chrono::sys_seconds expires;
  KeyRing root_keys;
  ManifestRole manifest;
};

enum class UnknownKeys { ignore, refuse };

/// Reads a root's text: every rule about one document alone. `text` must come from a VerifiedNote,
/// from the baked file, which is trusted by where it stands, or from a desk's own draft.
/// Errc::bad_root, or bad_key for a verifier key that must not be loaded, or bad_note for a text
/// outside the profile.
Result<RootDocument> parse_root_text(std::string_view text, UnknownKeys unknown);

/// What U3 asks of a root and its successor beside the signatures: version exactly one more, the
/// same fleet, `issued` not earlier, `epoch` not lower, `min_version` not lower within an epoch.
/// Errc::bad_root or wrong_fleet.
Result<void> check_succession(const RootDocument& before, const RootDocument& after);

/// A root that may be believed: the baked one, or one reached from it by the chain.
class TrustRoot {
 public:
  [[nodiscard]] const RootDocument& document() const { return document_; }
  [[nodiscard]] const std::string& note_bytes() const { return bytes_; }
  /// What was signed, its last LF included; two notes may differ in who signed the same text.
  [[nodiscard]] std::string_view text() const {
    return std::string_view(bytes_).substr(0, bytes_.rfind("\n\n") + 1);
  }
  [[nodiscard]] std::int64_t version() const { return document_.version; }
  [[nodiscard]] bool expired(std::chrono::sys_seconds now) const {
    return document_.expires <= now;
  }

 private:
  friend Result<TrustRoot> open_baked_root(std::string_view);
  friend Result<TrustRoot> open_next_root(const TrustRoot&, std::string_view);
  TrustRoot() = default;
  RootDocument document_;
  std::string bytes_;
};

/// S1: profile, semantics, its own threshold.
Result<TrustRoot> open_baked_root(std::string_view bytes);

/// U3 (TUF 1.0 section 5.3): the predecessor's threshold over the bytes before anything is parsed,
/// then content, its own threshold, version exactly one more, fleet, issued, epoch and min_version.
Result<TrustRoot> open_next_root(const TrustRoot& current, std::string_view bytes);

/// The roots held on a machine, oldest first; never empty.
struct RootChain {
  std::vector<TrustRoot> roots;
  /// Why a stored note was left out, the first one; empty if every one that could follow did.
  std::string stopped;
  [[nodiscard]] const TrustRoot& trusted() const { return roots.back(); }
};

/// U4: the error of a root that was offered although the chain has one of its version: Errc::equivocation
/// where `bytes` follows the predecessor as well, with another text. Nothing where it is the same root
/// once more, is not valid, or is of no version that the chain can judge.
[[nodiscard]] std::optional<Error> find_equivocation(const RootChain& chain, std::int64_t version,
                                                     std::string_view bytes);

/// S2: replays stored `root/N.note` notes, given as (N, bytes) in any order, over the baked root.
/// Above the baked root each follows by U3; the first that does not, or is not there, ends the
/// chain. Below it the chain starts at the lowest version from which every step by U3 leads to the
/// baked root's own bytes. A stored note of the baked version is not looked at.
[[nodiscard]] RootChain replay_roots(TrustRoot baked,
                                     std::vector<std::pair<std::int64_t, std::string>> stored);

}  // namespace hostspin
