#include "replacement.h"

#include <algorithm>
#include <cerrno>

#include "hostspin/hosts_file.h"
#include "kept_bytes.h"
#include "path_text.h"
#include "refusal.h"
#include "sys_error.h"

namespace hostspin {

Result<ReplaceOutcome> replace_file(FileSystem& fs, Clock& clock, const ReplaceRequest& request) {
  return Replacement(fs, clock, request).run();
}

Result<ReplaceOutcome> Replacement::run() {
  Result<Target> target = open_target(fs_, request_.root, request_.path);
  if (!target) return std::move(target).error();
  target_ = std::move(*target);
  temp_ = target_.name + std::string(kTempSuffix);
  give_up_ = clock_.steady() + kFollowMax;
  if (Result<void> cleared = clear_left_over(); !cleared) return std::move(cleared).error();
  if (request_.mode == WriteMode::in_place)
    if (Result<void> undone = undo_interrupted(); !undone) return std::move(undone).error();

  if (Result<void> replaced = replace(); !replaced) {
    Error error = std::move(replaced).error();
    for (const Edit& edit : edits_) outcome_.left_overs.push_back(edit.kept);
    for (const std::string& kept : outcome_.left_overs)
      error.detail += "; lines that are not in it are kept in " + kept;
    return error;
  }
  for (const Edit& edit : edits_) {
    const auto& left = outcome_.left_overs;  // equal bytes share a copy
    if (std::find(left.begin(), left.end(), edit.kept) == left.end())
      forget_left_over(fs_, request_, edit.kept);
  }
  return outcome_;
}

Result<void> Replacement::replace() {
  for (int late = 0;;) {
    if (Result<void> done = read(); !done) return done;
    if (outcome_.rebases > 0 && must_read_again()) continue;
    const Result<std::optional<Pieces>> next = work_out();
    if (next && !*next) return {};
    // What is wrong with it may be half of another writer's work, too.
    if (must_read_again()) continue;
    if (!next) return next.error();
    // Or the next run could not even take the block out again.
    if ((*next)->size() > kHostsBytesMax && (*next)->size() > old_bytes().size())
      return hosts_too_large(quoted(target_.path()) + " with the block");
    if (is_unfinished(open_)) {
      if (!await_writers(old_->handle.get()) || clock_.steady() >= give_up_) return unfinished();
      continue;
    }

    const Result<Met> met = write(**next);
    if (!met) return met.error();
    switch (*met) {
      case Met::expected:
        outcome_.written = true;
        return {};
      case Met::early_edit:
        ++early_edits_;
        break;
      case Met::late_edit:
        if (++late > (edits_.empty() ? kRebasesMax : kRebasesWithEditsMax) ||
            clock_.steady() >= give_up_)
          return {Errc::writer_busy, "other writers changed " + quoted(target_.path()) +
                                         " each of " + std::to_string(late) +
                                         " times that it was about to be replaced"};
        break;
    }
    ++outcome_.rebases;
  }
}

/// A run that was killed left its temporary file. After the exchange that is the displaced file,
/// which may have been edited just before.
Result<void> Replacement::clear_left_over() {
  const Handle directory = target_.directory.get();
  const std::string shown = join_path(target_.directory_path, temp_);
  const SysResult<FileStatus> found =
      retry_interrupted([&] { return fs_.status_at(directory, temp_); });
  if (!found) {
    if (found.error().number == ENOENT) return {};
    return sys_error(found.error().number, "look at " + quoted(shown));
  }
  if (Result<void> done = read(); !done) return done;  // the target, for comparison
  const bool ours =
      found->owner == fs_.effective_user() || (old_ && found->owner == old_->status.owner);
  if (found->kind != FileStatus::Kind::regular || !ours)
    return {Errc::denied, quoted(shown) + " is in the way: it is not a regular file of this user's",
            "look at it and take it away by hand"};

  Result<std::optional<ReadFile>> left = open_file(fs_, target_, temp_);
  if (!left) return std::move(left).error();
  clear_kept_temps(fs_, request_);
  // The killed run may have swapped and not synced: a missing temporary file says that all is on
  // disk.
  const SysResult<void> synced = retry_interrupted([&] { return fs_.sync(directory); });
  if (!synced && synced.error().number != EINVAL)
    return sys_error(synced.error().number, "sync directory " + quoted(target_.directory_path));
  if (*left) {
    const Result<bool> moved = put_aside(**left, shown);
    if (!moved) return moved.error();
    if (*moved) return {};
  }
  const SysResult<void> removed = retry_interrupted([&] { return fs_.unlink(directory, temp_); });
  if (!removed && removed.error().number != ENOENT)
    return explain_refusal(fs_, target_, nullptr, removed.error().number,
                           "remove " + quoted(shown));
  return {};
}

/// Keeps what is in a left-over and not in the file. Whether the left-over itself is out of the
/// way, which it is where somebody still writes to it.
Result<bool> Replacement::put_aside(ReadFile& left, const std::string& shown) {
  const bool at_rest = await_writers(left.handle.get());
  if (!at_rest && left.status.owner == fs_.effective_user()) {
    std::string moved = move_left_over(fs_, request_, target_.directory.get(), temp_);
    if (!moved.empty()) {
      outcome_.left_overs.push_back(std::move(moved));
      return true;
    }
  }
  if (!at_rest) outcome_.writer_busy = true;
  if (Result<void> done = read_bytes(fs_, left, shown, kHostsBytesMax); !done)
    return std::move(done).error();
  // Of a file that was just being made, the lines are ours.
  if (!holds_lost_lines(left.bytes, old_ ? old_bytes() : kNewHostsFile)) return false;
  Result<std::string> kept = keep_left_over(fs_, request_, left.bytes, left);
  if (!kept) return annotate(std::move(kept).error(), "cannot clear " + quoted(shown));
  outcome_.left_overs.push_back(std::move(*kept));
  return false;
}

Result<void> Replacement::read() {
  old_.reset();
  Result<std::optional<ReadFile>> file = open_file(fs_, target_, target_.name);
  if (!file) return std::move(file).error();
  old_ = std::move(*file);
  if (!old_) return {};
  return read_bytes(fs_, *old_, target_.path(), kHostsBytesMax);
}

/// The new bytes; nothing where nothing is to be done.
Result<std::optional<Pieces>> Replacement::work_out() {
  Result<std::optional<Pieces>> next = request_.edit(old_bytes(), old_.has_value());
  if (!next) return next;
  if (!edits_.empty()) {
    Result<Pieces> merged = merge_in_edits(*next ? (*next)->str() : std::string(old_bytes()));
    if (!merged) return std::move(merged).error();
    *next = std::move(*merged);
  }
  if (*next && **next == old_bytes()) next->reset();
  return next;
}

/// With edits that were caught in passing.
Result<Pieces> Replacement::merge_in_edits(std::string bytes) {
  for (std::size_t i = 0; i < edits_.size();) {
    std::optional<std::string> merged = merge_edits(edits_[i].base, bytes, edits_[i].edited);
    if (!merged) {  // both changed the same lines: the file's own stay, the copy is reported
      outcome_.left_overs.push_back(edits_[i].kept);
      edits_.erase(edits_.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    const Result<std::optional<Pieces>> next = request_.edit(*merged, true);
    if (!next) return next.error();
    bytes = *next ? (*next)->str() : std::move(*merged);
    ++i;
  }
  return Pieces(std::move(bytes));
}

/// Before anything is written: a writer at work, or bytes that look cut short, are given time.
bool Replacement::must_read_again() {
  if (old_ && waited_for_rest()) return true;
  if (std::exchange(settled_, true)) return false;
  const bool doubtful = request_.doubtful && (!old_ || request_.doubtful(old_->bytes));
  if (doubtful) clock_.sleep(kSettleTime);
  return doubtful;
}

/// Whether the file was open for writing a moment ago. Waits for that to end, in all no longer than
/// kRestWaitMax in one run: new writers may come for ever.
bool Replacement::waited_for_rest() {
  if (!rest_deadline_) rest_deadline_ = clock_.steady() + kRestWaitMax;
  bool waited = false;
  open_ = !await_writers(old_->handle.get(), *rest_deadline_, &waited);
  return waited;
}

/// Whether whoever has the file open has truncated it and is not done, as a slow download: what it
/// still has to write would never be in the file if ours took its place now.
bool Replacement::is_unfinished(bool open) const {
  if (!open || !old_ || !request_.doubtful || !request_.doubtful(old_->bytes)) return false;
  constexpr std::int64_t kNanoseconds = std::chrono::nanoseconds(kStalledAfter).count();
  return now_ns() - old_->status.mtime_ns < kNanoseconds;
}

Result<Replacement::Met> Replacement::write(const Pieces& next) {
  if (Result<void> allowed = check_flags(fs_, target_, present()); !allowed)
    return std::move(allowed).error();
  const SysResult<bool> mounted =
      old_ ? fs_.is_mount_point(target_.directory.get(), target_.name) : SysResult<bool>(false);
  if (mounted && *mounted) {
    if (request_.mode == WriteMode::in_place) return write_in_place(next);
    return Error{Errc::bind_mount, quoted(target_.path()) +
                                       " is a mount point, as a container's bind-mounted file is; "
                                       "nothing can take its place"};
  }
  Result<TempFile> file = make_temp_file(fs_, target_, temp_, next, present());
  if (!file) return std::move(file).error();
  return swap(*file, next);
}

/// After the swap: nothing here may fail the replacement but a directory that cannot be synced.
Result<void> Replacement::finish(const TempFile& file, std::size_t size, bool displaced) {
  outcome_.hard_linked = old_ && old_->status.links > 1;
  const Handle handle = file.handle.get();
  // It was set before the swap, too.
  (void)retry_interrupted([&] { return fs_.set_mtime(handle, now_ns()); });
  if (old_ && old_->status.size == size) {
    // Go and CoreDNS look at nothing else, and would keep what they have.
    constexpr std::int64_t kSecond = 1'000'000'000;
    const SysResult<FileStatus> status = retry_interrupted([&] { return fs_.status(handle); });
    if (status && status->mtime_ns == old_->status.mtime_ns)
      (void)fs_.set_mtime(handle, old_->status.mtime_ns + kSecond);
  }
  const SysResult<void> synced =
      retry_interrupted([&] { return fs_.sync(target_.directory.get()); });
  if (!synced && synced.error().number != EINVAL)  // EINVAL: a file system without it
    return sys_error(synced.error().number, "make sure that a power cut keeps the new " +
                                                quoted(target_.path()) +
                                                ", which is in place: the directory's sync failed");
  if (!displaced) return {};
  if (move_to_previous()) return {};
  // Before the temporary file goes: while it is there, the next run clears up after this one.
  keep_previous_bytes();
  (void)retry_interrupted([&] { return fs_.unlink(target_.directory.get(), temp_); });
  return {};
}

/// The displaced file itself becomes hosts.prev, which spares a copy of it, and keeps what a writer
/// that did not end has yet to write; not somebody else's file, and not where the state directory
/// is another mount, as in the units' sandbox.
bool Replacement::move_to_previous() {
  if (request_.state_directory.empty() || (!outcome_.previous.empty() && !busy_)) return false;
  if (old_->status.owner != fs_.effective_user()) return false;
  const SysResult<Handle> opened = retry_interrupted(
      [&] { return fs_.open_directory(request_.root, request_.state_directory); });
  if (!opened) return false;
  const OwnedHandle directory(fs_, *opened);
  const std::string name(kPreviousName);
  const SysResult<void> moved =
      retry_interrupted([&] { return fs_.move(target_.directory.get(), temp_, *opened, name); });
  if (moved) outcome_.previous = join_path(request_.state_directory, name);
  return moved.has_value();
}

/// For an administrator's convenience: the state directory may well be read-only at early boot.
void Replacement::keep_previous_bytes() {
  if (request_.state_directory.empty() || !outcome_.previous.empty()) return;
  const std::string name(kPreviousName);
  const Result<void> kept = write_state_file(fs_, request_.root, request_.state_directory, name,
                                             old_->bytes, /*durable=*/false, &*old_);
  if (kept) outcome_.previous = join_path(request_.state_directory, name);
}

/// Whether nobody has the displaced file open for writing any more; waits for that.
bool Replacement::await_writers(Handle handle) {
  bool waited = false;
  return await_writers(handle, std::min(clock_.steady() + kWriterWaitMax, give_up_), &waited);
}

bool Replacement::await_writers(Handle handle, std::chrono::steady_clock::time_point deadline,
                                bool* waited) {
  constexpr std::chrono::milliseconds kPollMax{50};
  std::chrono::nanoseconds pause = std::chrono::milliseconds(1);
  for (;;) {
    const SysResult<void> lease = retry_interrupted([&] { return fs_.try_read_lease(handle); });
    // Any other error: leases are not to be had here, and the comparison of bytes must do.
    if (lease || lease.error().number != EAGAIN) return true;
    const std::chrono::steady_clock::time_point now = clock_.steady();
    if (now >= deadline) return false;
    *waited = true;
    clock_.sleep(std::min<std::chrono::nanoseconds>(pause, deadline - now));
    pause = std::min<std::chrono::nanoseconds>(pause * 2, kPollMax);
  }
}

Result<void> Replacement::keep_busy_bytes(std::string_view bytes) {
  outcome_.writer_busy = true;
  Result<std::string> kept = keep_previous(fs_, request_, bytes, /*durable=*/true, *old_);
  if (!kept)
    return annotate(std::move(kept).error(), "another writer keeps " + quoted(target_.path()) +
                                                 " open, and its bytes could not be kept");
  outcome_.previous = std::move(*kept);
  outcome_.busy_kept = outcome_.previous;
  return {};
}

std::int64_t Replacement::now_ns() const {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock_.now().time_since_epoch())
      .count();
}

}  // namespace hostspin
