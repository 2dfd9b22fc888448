#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace hostspin {

/// Stable reasons. Programs branch on them and `--output json` prints them by code_name(); a code is
/// never renamed or reused.
enum class Errc {
  // documents
  bad_note,           ///< outside the profile of a hostspin note
  bad_key,            ///< a verifier key that must not be loaded
  bad_signature,      ///< a known key's signature does not verify
  too_few_signatures, ///< threshold not met
  bad_root,           ///< a root document whose content breaks a rule
  bad_manifest,       ///< a manifest whose content breaks a rule
  wrong_fleet,
  wrong_epoch,
  rollback,           ///< older than what is held, or than the root's min_version
  equivocation,       ///< the held version, with another text
  expired,
  root_expired,
  root_withheld,      ///< the manifest needs a newer root than any source offers
  name_not_allowed,   ///< outside the root's names
  address_not_allowed,///< outside the root's networks
  // the hosts file
  damaged_markers,
  block_too_large,
  hosts_too_large,    ///< above what hostspin takes on; left as it is
  bind_mount,
  immutable,
  read_only,
  disk_full,
  denied,
  foreign_owner,
  writer_busy,
  symlink_refused,
  // this machine
  not_found,
  io_error,
  busy,               ///< another hostspin holds the lock
  held,               ///< an administrator said `hold`
  // configuration and use
  bad_config,
  no_trust_root,
  no_sources,
  usage,
  // network half
  fetch_failed,
  worker_failed,      ///< died, stalled, or answered outside the protocol
  timed_out,
  internal,
};

/// "bad_signature" and so on, as in `error.code` of the JSON output.
[[nodiscard]] std::string_view code_name(Errc code);

/// What to do about it, one line for an operator; empty where nothing general can be said.
[[nodiscard]] std::string_view default_hint(Errc code);

/// Whether the same step may succeed later with nothing changed by a person.
[[nodiscard]] bool retryable(Errc code);

/// A failure with two readers: `code` for programs, `detail` for the operator (what, then why; lower
/// case; no final period; foreign text quoted by quoted()). `hint` overrides default_hint().
struct Error {
  Errc code = Errc::internal;
  std::string detail;
  std::string hint = {};

  [[nodiscard]] std::string_view advice() const {
    return hint.empty() ? default_hint(code) : std::string_view(hint);
  }
};

/// A value or an Error; ignoring one is a warning.
template <typename T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
  Result(Error error) : tl::expected<T, Error>(tl::unexpect, std::move(error)) {}
  Result(Errc code, std::string detail, std::string hint = {})
      : Result(Error{code, std::move(detail), std::move(hint)}) {}
};

/// `error` with "context: " before its detail.
[[nodiscard]] Error annotate(Error error, std::string_view context);

/// `text` in single quotes, every byte outside 0x20–0x7E, the quote and the backslash escaped as \xNN, cut
/// with "..." after `bytes_max` bytes. The only way that foreign text reaches a message.
[[nodiscard]] std::string quoted(std::string_view text, std::size_t bytes_max = 120);

}  // namespace hostspin
