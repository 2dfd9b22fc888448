#pragma once

#include <string>

#include "document.h"
#include "hostspin/result.h"

namespace hostspin::desk {

/// Where a note that still lacks signatures is kept: beside its draft, `NAME.pending.note` for
/// `NAME.toml`, `NAME.note` or `NAME`. A pending note's own path is its own.
[[nodiscard]] std::string pending_path(const std::string& path);
[[nodiscard]] bool is_pending_path(const std::string& path);

/// Where the complete note goes when no -o names a place: a pending note's `NAME.note`, else `path`
/// itself.
[[nodiscard]] std::string completed_path(const std::string& path);

/// The draft of which `path` is the pending note, `NAME.toml` unless another lies there; any other
/// path is its own.
[[nodiscard]] std::string draft_of(const std::string& path);

/// Gives `document` the signatures of the pending note beside it, and says whether there were any.
/// Errc::bad_note where a pending note and a draft beside each other differ in a byte of the text:
/// one of the two is not what somebody has looked at.
Result<bool> join_pending(Document& document);

/// The pending note beside `path` whose text is not `text`; empty where there is none.
[[nodiscard]] std::string outdated_pending(const std::string& path, const std::string& text);

}  // namespace hostspin::desk
