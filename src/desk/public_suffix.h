#pragma once

#include <string>
#include <string_view>

#include "hostspin/host_name.h"

namespace hostspin::desk {

/// Where Debian's package publicsuffix puts its list; it is read where it is there.
inline constexpr std::string_view kPublicSuffixList =
    "/usr/share/publicsuffix/public_suffix_list.dat";

/// Whether anybody can register names below `domain` ("com", "co.uk"), by a short list of our own.
/// Top-level names that are set aside for private use ("internal", "corp", "test") are not public.
[[nodiscard]] bool is_public_suffix(std::string_view domain);

/// The same by the rules of publicsuffix.org, as their file writes them. "*.ck" and "!www.ck" are
/// rules, too; a name that no rule matches is not in the list.
[[nodiscard]] bool is_listed_suffix(std::string_view list, std::string_view domain);

/// The public suffix that a pattern `*.x` covers, by either list; empty where it covers none.
/// `list` is the text of the publicsuffix.org list, or empty.
[[nodiscard]] std::string covered_suffix(const NamePattern& pattern, std::string_view list);

/// The machine's own list, or nothing.
[[nodiscard]] std::string read_public_suffixes();

}  // namespace hostspin::desk
