#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hostspin {

/// Where journald takes structured entries, as seen from the root directory.
inline constexpr std::string_view kJournalSocket = "/run/systemd/journal/socket";
/// A longer value is cut: a datagram has to fit into the socket's buffer.
inline constexpr std::size_t kJournalValueBytesMax = 8192;

using JournalFields = std::vector<std::pair<std::string, std::string>>;

/// The bytes of one entry in journald's native protocol: `KEY=value`, or, for a value with a line
/// feed in it, the key, its length and the value.
[[nodiscard]] std::string journal_entry(const JournalFields& fields);

/// Sends one entry to the journal below `root`. False where there is none, or it does not take it
/// within a quarter of a second: nobody waits longer for a log.
bool send_to_journal(const std::string& root, const JournalFields& fields);

}  // namespace hostspin
