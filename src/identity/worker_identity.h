#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

inline constexpr std::string_view kWorkerUser = "_hostspin";
/// Where there is no such user: numbers that neither Debian's policy nor systemd gives to anybody.
inline constexpr std::uint32_t kWorkerIdFirst = 61170;
inline constexpr std::uint32_t kWorkerIdLast = 61183;
inline constexpr std::size_t kPasswdBytesMax = 4U << 20U;

/// A user and group by number.
struct Identity {
  std::uint32_t user = 0;
  std::uint32_t group = 0;
  bool operator==(const Identity&) const = default;
};

/// Who a worker runs as when root starts it: `_hostspin` as /etc/passwd itself says (the name
/// service could reach the network), else the first of the numbers above that no line of it and no
/// foreign process has. Never root, and never whom other daemons are too, such as 65534: processes
/// of one user can signal each other. Where only the account's group is such a one, the user with
/// the first of the numbers for its group. Errc::denied where none is free.
Result<Identity> worker_identity();
/// The same, from the text of a passwd file and the users of the processes there are.
[[nodiscard]] std::optional<Identity> worker_identity_in(std::string_view passwd,
                                                         const std::set<std::uint32_t>& in_use);
/// Whether `user` is one of those numbers, and no account's.
[[nodiscard]] bool is_unnamed_worker(std::uint32_t user);
/// Whether a process of such a user can be a worker, by its name (`comm`) in /proc: one that ends
/// has none, and one that execveat() has just started is called by the number of a descriptor
/// before it names itself (by kernels older than 6.14).
[[nodiscard]] bool is_workers_name(std::string_view process_name);

}  // namespace hostspin
