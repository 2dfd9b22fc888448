#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "owned_fd.h"

namespace hostspin {

/// Where journald takes structured entries, as seen from the root directory.
inline constexpr std::string_view kJournalSocket = "/run/systemd/journal/socket";
/// A longer value is cut: a datagram has to fit into the socket's buffer.
inline constexpr std::size_t kJournalValueBytesMax = 8192;

using JournalFields = std::vector<std::pair<std::string, std::string>>;

/// The bytes of one entry in journald's native protocol: `KEY=value`, or, for a value with a line
/// feed in it, the key, its length and the value.
[[nodiscard]] std::string journal_entry(const JournalFields& fields);

/// Sends entries to the journal below `root`.
class Journal {
 public:
  explicit Journal(std::string root) : root_(std::move(root)) {}

  /// False where there is no journal, or it does not take the entry within a quarter of a second.
  /// Nobody waits longer for a log: after one that was not taken in time none waits at all, until
  /// one is taken again.
  bool send(const JournalFields& fields);
  /// Waits for journald to have read what was sent, no longer than that. For a process that ends
  /// soon: which unit an entry is of journald asks the kernel, which then cannot tell any more.
  void wait_until_read();

 private:
  [[nodiscard]] OwnedFd connect() const;

  std::string root_;
  bool is_behind_ = false;
};

}  // namespace hostspin
