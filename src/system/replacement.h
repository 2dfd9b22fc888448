#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "clock.h"
#include "file_system.h"
#include "hostspin/result.h"
#include "replace_file.h"
#include "target.h"
#include "temp_file.h"

namespace hostspin {

/// One run of replace_file(), step by step as it is written down in the manual: read, work out,
/// write beside, exchange, look at what was displaced, take other writers' edits over, make
/// durable.
class Replacement {
 public:
  Replacement(FileSystem& fs, Clock& clock, const ReplaceRequest& request)
      : fs_(fs), clock_(clock), request_(request) {}

  Result<ReplaceOutcome> run();

 private:
  /// What a swap met in the file's place.
  enum class Met {
    expected,
    early_edit,  ///< another writer's, noticed before anybody saw ours
    late_edit,
  };

  /// An edit that another writer made to bytes of ours that stood in the file's place for a moment.
  struct Edit {
    std::string base;
    std::string edited;
    std::string kept;  ///< a copy, until the edit is in the file
  };

  // replacement.cc: the order of things
  Result<void> replace();
  Result<void> clear_left_over();
  Result<bool> put_aside(ReadFile& left, const std::string& shown);
  Result<void> read();
  Result<std::optional<Pieces>> work_out();
  Result<Pieces> merge_in_edits(std::string bytes);
  bool must_read_again();
  bool waited_for_rest();
  [[nodiscard]] bool is_unfinished(bool open) const;
  Result<Met> write(const Pieces& next);
  bool move_to_previous();
  void keep_previous_bytes();
  Result<void> finish(const TempFile& file, std::size_t size, bool displaced);

  // replacement_in_place.cc: where nothing can take the file's place
  Result<Met> write_in_place(const Pieces& next);
  Result<OwnedHandle> open_for_writing();
  Result<void> undo_interrupted();
  Result<void> undo_interrupted(const std::string& directory);

  // replacement_swap.cc: putting the new file in the old one's place
  Result<Met> swap(TempFile& file, const Pieces& next);
  Result<Met> place_new(TempFile& file, const Pieces& next);
  Result<Met> rename_over(TempFile& file, const Pieces& next);
  Result<Met> judge_displaced(TempFile& file, const Pieces& next);
  Result<Met> swap_back(TempFile& file, const Pieces& next);
  Result<Met> compare(const std::string& name);
  [[nodiscard]] Error unfinished() const;
  bool edited_early();
  bool exchanged(std::uint64_t inode);
  void abandon(const TempFile& file) { discard_temp_file(fs_, target_, temp_, file.inode); }

  bool await_writers(Handle handle);
  bool await_writers(Handle handle, std::chrono::steady_clock::time_point deadline, bool* waited);
  Result<void> keep_edit(ReadFile& ours, const Pieces& next, bool at_rest);
  Result<void> keep_busy_bytes(std::string_view bytes);
  std::int64_t now_ns() const;
  [[nodiscard]] const ReadFile* present() const { return old_ ? &*old_ : nullptr; }
  [[nodiscard]] std::string_view old_bytes() const {
    return old_ ? std::string_view(old_->bytes) : std::string_view();
  }

  FileSystem& fs_;
  Clock& clock_;
  const ReplaceRequest& request_;
  ReplaceOutcome outcome_;
  Target target_;
  std::string temp_;
  std::optional<ReadFile> old_;  ///< as last read; nothing where the file is missing
  std::vector<Edit> edits_;      ///< not in the file yet
  int early_edits_ = 0;
  bool settled_ = false;
  bool open_ = false;  ///< for writing, when that was last looked at before the exchange
  bool busy_ = false;  ///< a writer outlasted the wait after it
  std::chrono::steady_clock::time_point give_up_;
  std::optional<std::chrono::steady_clock::time_point> rest_deadline_;  ///< before the exchange
};

}  // namespace hostspin
