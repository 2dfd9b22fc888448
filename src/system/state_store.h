#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "file_system.h"
#include "hostspin/result.h"

namespace hostspin {

/// The emergency stop, as seen from the root.
inline constexpr std::string_view kHoldPath = "/etc/hostspin/hold";
/// How many `root/N.note` files are looked at: one update cycle may add 256, and old ones stay.
inline constexpr std::size_t kStoredRootsMax = 4096;
inline constexpr std::size_t kStatusBytesMax = 1U << 20U;

/// Where things are on one machine, all as seen from `root`.
struct StatePaths {
  std::string root = "/";
  std::string state = "/var/lib/hostspin";
  std::string config = "/etc/hostspin";
  std::string vendor = "/usr/share/hostspin";
};

/// A note found on disk, and where.
struct StoredNote {
  std::string path;
  std::string bytes;
};

/// The state on disk is the verified notes themselves, byte for byte; this class only moves bytes.
/// What is read is as good as what a stranger handed over until core has verified it.
class StateStore {
 public:
  StateStore(FileSystem& fs, StatePaths paths) : fs_(fs), paths_(std::move(paths)) {}

  /// The baked root: the administrator's, else the vendor's. Errc::no_trust_root where there is
  /// none.
  Result<StoredNote> baked_root();
  /// The seed manifest beside the baked root that is used, whose path this is; empty where there is
  /// none.
  Result<std::optional<StoredNote>> seed(const std::string& root_path);
  /// Every stored root as (N, bytes); unreadable ones are left out and named in `unreadable`.
  std::vector<std::pair<std::int64_t, std::string>> stored_roots(
      std::vector<std::string>& unreadable);
  /// One of them; empty where there is none.
  Result<std::optional<std::string>> stored_root(std::int64_t version);
  Result<std::optional<StoredNote>> stored_manifest();

  /// Errc::denied, naming the first of what S1–S3 and `status` read that this user may not read:
  /// what such a one would say of the rest is worse than nothing.
  [[nodiscard]] Result<void> check_readable() const;

  /// Durable writes; the state directory is made where it is missing.
  Result<void> keep_root(std::int64_t version, std::string_view bytes);
  Result<void> keep_manifest(std::string_view bytes);
  /// Telemetry: atomic, not durable, never read by any step of trust.
  Result<void> keep_status(std::string_view json);
  Result<std::optional<std::string>> status();

  /// Takes away temporary files that a killed run left. The caller holds the lock.
  void sweep();

  /// `trust reset`: takes the stored roots and manifest away. Returns what was removed.
  Result<std::vector<std::string>> forget();

  // The emergency stop is a file beside the configuration: /etc is there at early boot, /var may
  // not be.
  Result<std::optional<std::string>> hold_reason();
  Result<void> hold(std::string_view reason);
  /// False where nothing was held.
  Result<bool> release();

  [[nodiscard]] const StatePaths& paths() const { return paths_; }

 private:
  Result<void> make_directories(const std::string& path);
  Result<void> keep(const std::string& directory, const std::string& name, std::string_view bytes,
                    bool durable);

  FileSystem& fs_;
  StatePaths paths_;
};

}  // namespace hostspin
