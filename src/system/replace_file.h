#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clock.h"
#include "file_system.h"
#include "hostspin/hosts_file.h"
#include "hostspin/pieces.h"
#include "hostspin/result.h"

namespace hostspin {

/// The fixed, documented name of the temporary file beside a hosts file: AppArmor's profile and
/// SELinux's file contexts know it.
inline constexpr std::string_view kTempSuffix = ".hostspin.tmp";

/// How long the file may be open for writing before we put ours in its place all the same.
inline constexpr std::chrono::milliseconds kRestWaitMax{1000};
/// How long another writer may keep the displaced file open before we go on without it: each of
/// them, so that nobody pays for who came before.
inline constexpr std::chrono::milliseconds kWriterWaitMax{2000};
/// All waiting of one run for other writers ends by then.
inline constexpr std::chrono::milliseconds kFollowMax{6000};
/// A program that has truncated the file, holds it open and has written nothing for this long is
/// not waited for any more: a download hangs for minutes where DNS is dead.
inline constexpr std::chrono::seconds kStalledAfter{30};
/// How long a file that looks truncated, or is missing, is given to settle.
inline constexpr std::chrono::milliseconds kSettleTime{100};
/// How often the file may turn out to have been edited after the exchange.
inline constexpr int kRebasesMax = 5;
/// With another writer's lines in our hands we try longer: to give up is to keep them beside the
/// file.
inline constexpr int kRebasesWithEditsMax = 50;
/// How often it may be seen to have been edited before the exchange, which nobody but us notices.
inline constexpr int kEarlyRebasesMax = 50;

enum class WriteMode { replace, in_place };

struct ReplaceRequest {
  std::string root = "/";           ///< everything is resolved inside it
  std::string path = "/etc/hosts";  ///< as seen from `root`
  std::string
      state_directory;  ///< as seen from `root`; for hosts.prev and hosts.left-N; may be absent
  WriteMode mode = WriteMode::replace;
  /// Works out the new bytes from the present ones; called again after a rebase, so it must depend
  /// on nothing else. What it returns may be views of them. An empty optional, or the bytes given,
  /// means nothing to write. `exists` is false for a missing file, whose bytes are then empty:
  /// start from kNewHostsFile. An error ends the replacement with the file untouched.
  std::function<Result<std::optional<Pieces>>(std::string_view bytes, bool exists)> edit;
  /// Whether the bytes look like another writer's truncation under way (see gives_localhost()).
  /// Where it says so, or the file is missing, and there is something to write, the file is read
  /// again after kSettleTime. May be empty: then nothing is in doubt.
  std::function<bool(std::string_view bytes)> doubtful = {};
};

struct ReplaceOutcome {
  bool written = false;
  bool created = false;
  int rebases = 0;  ///< how often another writer's edit was taken over
  /// Another writer kept a file open that stands in the hosts file's place no more.
  bool writer_busy = false;
  /// That file, with what is still written to it, or, where it could not be moved, its bytes; empty
  /// where nothing was kept.
  std::string busy_kept;
  /// Where foreign lines found in a left-over temp, or edits that could not be merged, were kept.
  std::vector<std::string> left_overs;
  std::string previous;      ///< where the replaced bytes were kept (hosts.prev); empty if nowhere
  bool hard_linked = false;  ///< the old file had other names, which keep the old bytes
};

/// Replaces a file so that every reader and every power cut sees the old bytes or the new ones, and
/// another writer's edit is taken over, not lost. Where `root` has a state directory, the replaced
/// bytes are kept there as hosts.prev. Errors leave the file as it was, save that an io_error may
/// say that the new one is in place but not surely on disk: bind_mount, immutable, read_only,
/// disk_full, denied, foreign_owner, symlink_refused, io_error; writer_busy where others write all
/// the time, or one has truncated it a moment ago and is not done.
Result<ReplaceOutcome> replace_file(FileSystem& fs, Clock& clock, const ReplaceRequest& request);

/// The whole file (following symlinks within `root`), or an empty optional where there is none.
Result<std::optional<std::string>> read_file(FileSystem& fs, const std::string& root,
                                             const std::string& path, std::size_t bytes_max);

struct ReadFile;  // target.h

/// Temp + fsync + rename + directory fsync, mode 0644, for files that only hostspin writes. The
/// directory must exist. `durable` false leaves the two fsyncs out. With a `model`, whose bytes
/// these are, nobody can read them who cannot read that.
Result<void> write_state_file(FileSystem& fs, const std::string& root, const std::string& directory,
                              const std::string& name, std::string_view bytes, bool durable,
                              const ReadFile* model = nullptr);

}  // namespace hostspin
