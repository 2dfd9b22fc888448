// The swap itself, and what another writer may have done in the meantime.

#include <cerrno>

#include "kept_bytes.h"
#include "path_text.h"
#include "refusal.h"
#include "replacement.h"
#include "sys_error.h"

namespace hostspin {
namespace {

/// The kernel or the file system has no such flag. EPERM: perhaps a filter older than the call;
/// what really forbids to replace the file forbids the plain rename as well, which then says so.
bool is_unsupported(int number) {
  return number == EINVAL || number == ENOSYS || number == EOPNOTSUPP || number == EPERM;
}

bool same_metadata(const FileStatus& a, const FileStatus& b) {
  return a.device == b.device && a.inode == b.inode && a.mode == b.mode && a.owner == b.owner &&
         a.group == b.group;
}

}  // namespace

Result<Replacement::Met> Replacement::swap(TempFile& file, const Pieces& next) {
  if (old_ && (edited_early() || is_unfinished(open_))) {
    abandon(file);
    return Met::early_edit;
  }
  const SysResult<void> timed =
      retry_interrupted([&] { return fs_.set_mtime(file.handle.get(), now_ns()); });
  if (!timed) {
    abandon(file);
    return sys_error(timed.error().number, "set the time of " + quoted(temp_));
  }
  if (!old_) return place_new(file, next);

  SysResult<void> swapped;
  for (int tries = 0; tries < kInterruptsMax; ++tries) {
    swapped = fs_.exchange(target_.directory.get(), temp_, target_.name);
    if (swapped) break;
    // An interrupted exchange, on a network file system, may have happened all the same. So is what
    // would be followed by a rename looked at first: the old file must not be taken for the new
    // one.
    const int number = swapped.error().number;
    if ((number == EINTR || is_unsupported(number)) && exchanged(file.inode))
      swapped = SysResult<void>();
    if (number != EINTR || swapped) break;
  }
  if (swapped) return judge_displaced(file, next);
  const int number = swapped.error().number;
  if (is_unsupported(number)) return rename_over(file, next);
  abandon(file);
  if (number == ENOENT) return Met::late_edit;  // taken away meanwhile
  // A kernel that could not tell before tells now that the file is a mount point.
  if (number == EBUSY && request_.mode == WriteMode::in_place) return write_in_place(next);
  return explain_refusal(fs_, target_, present(), number, "replace " + quoted(target_.path()));
}

/// Where there was no file: never over one that somebody has made meanwhile.
Result<Replacement::Met> Replacement::place_new(TempFile& file, const Pieces& next) {
  const Handle directory = target_.directory.get();
  SysResult<void> placed =
      retry_interrupted([&] { return fs_.rename_new(directory, temp_, target_.name); });
  if (!placed && is_unsupported(placed.error().number)) {
    const SysResult<FileStatus> present = fs_.status_at(directory, target_.name);
    placed = !present && present.error().number == ENOENT
                 ? retry_interrupted([&] { return fs_.rename(directory, temp_, target_.name); })
                 : SysResult<void>(tl::make_unexpected(SysError{EEXIST}));
  }
  if (!placed) {
    abandon(file);
    if (placed.error().number == EEXIST) return Met::late_edit;
    return explain_refusal(fs_, target_, nullptr, placed.error().number,
                           "create " + quoted(target_.path()));
  }
  outcome_.created = true;
  if (Result<void> done = finish(file, next.size(), /*displaced=*/false); !done)
    return std::move(done).error();
  return Met::expected;
}

/// Without RENAME_EXCHANGE: compare once more, then rename. An edit within the few microseconds
/// between is lost; there is no better call on such a file system.
Result<Replacement::Met> Replacement::rename_over(TempFile& file, const Pieces& next) {
  keep_previous_bytes();  // first: nothing may stand between comparing and renaming
  Result<Met> met = compare(target_.name);
  if (!met || *met == Met::late_edit || is_unfinished(busy_)) {
    abandon(file);
    outcome_.previous.clear();  // not what will have been replaced
    if (met && *met == Met::expected) return unfinished();
    return met;
  }
  if (busy_)
    if (Result<void> kept = keep_busy_bytes(old_->bytes); !kept) {
      abandon(file);
      return std::move(kept).error();
    }
  const SysResult<void> renamed =
      retry_interrupted([&] { return fs_.rename(target_.directory.get(), temp_, target_.name); });
  if (!renamed && !exchanged(file.inode)) {
    abandon(file);
    return explain_refusal(fs_, target_, present(), renamed.error().number,
                           "replace " + quoted(target_.path()));
  }
  if (Result<void> done = finish(file, next.size(), /*displaced=*/false); !done)
    return std::move(done).error();
  return Met::expected;
}

/// The new file is in place, and the old one under the temporary name. Done, if it is what was read
/// and nobody can write to it any more.
Result<Replacement::Met> Replacement::judge_displaced(TempFile& file, const Pieces& next) {
  const Result<Met> met = compare(temp_);
  if (!met) {
    Result<Met> back = swap_back(file, next);
    if (!back) return back;
    return met.error();
  }
  if (*met == Met::late_edit) return swap_back(file, next);
  if (is_unfinished(busy_)) {
    Result<Met> back = swap_back(file, next);
    if (!back) return back;
    return unfinished();
  }
  if (busy_)
    if (Result<void> kept = keep_busy_bytes(old_->bytes); !kept) {
      Result<Met> back = swap_back(file, next);
      if (!back) return back;
      return std::move(kept).error();
    }
  if (Result<void> done = finish(file, next.size(), /*displaced=*/true); !done)
    return std::move(done).error();
  return Met::expected;
}

/// Puts the other writer's file back where it was, so that whatever happens next, its bytes are in
/// the file. Edits made meanwhile to ours are remembered.
Result<Replacement::Met> Replacement::swap_back(TempFile& file, const Pieces& next) {
  const Handle directory = target_.directory.get();
  SysResult<void> swapped;
  for (int tries = 0; tries < kInterruptsMax; ++tries) {
    swapped = fs_.exchange(directory, temp_, target_.name);
    if (swapped || swapped.error().number != EINTR || !exchanged(file.inode)) break;
  }
  if (!swapped && exchanged(file.inode))
    return sys_error(swapped.error().number,
                     "put back " + quoted(target_.path()) +
                         ", which was changed while it was replaced; the changed file is " +
                         quoted(join_path(target_.directory_path, temp_)));

  file.handle.close();  // or we would wait for ourselves
  Result<std::optional<ReadFile>> ours = open_file(fs_, target_, temp_);
  if (!ours) return std::move(ours).error();  // the next run judges it
  if (!*ours) return Met::late_edit;
  const bool at_rest = await_writers((*ours)->handle.get());
  if (!at_rest && (*ours)->status.owner == fs_.effective_user()) {
    std::string moved = move_left_over(fs_, request_, directory, temp_);
    if (!moved.empty()) {
      outcome_.left_overs.push_back(std::move(moved));
      return Met::late_edit;
    }
  }
  if (!at_rest) outcome_.writer_busy = true;
  if (Result<void> kept = keep_edit(**ours, next, at_rest); !kept) return std::move(kept).error();
  (void)fs_.unlink(directory, temp_);  // if not, creating it anew says so
  return Met::late_edit;
}

/// What another writer did to `ours`, which holds `next` no more, if anything. Where no copy can be
/// kept the file stays where it is, and the next run judges it.
Result<void> Replacement::keep_edit(ReadFile& ours, const Pieces& next, bool at_rest) {
  const std::string shown = join_path(target_.directory_path, temp_);
  const Result<bool> untouched = holds(fs_, ours.handle.get(), next, shown);
  if (!untouched) return untouched.error();
  if (*untouched) return {};
  if (Result<void> done = read_bytes(fs_, ours, shown, kHostsBytesMax); !done) return done;
  Result<std::string> kept = keep_left_over(fs_, request_, ours.bytes, ours);
  if (!kept)
    return annotate(std::move(kept).error(), "another writer's edit is in " + quoted(shown) +
                                                 " and cannot be kept elsewhere");
  if (at_rest)
    edits_.push_back({next.str(), std::move(ours.bytes), std::move(*kept)});
  else  // half an edit is not merged: it may be a truncation
    outcome_.left_overs.push_back(std::move(*kept));
  return {};
}

Error Replacement::unfinished() const {
  return {Errc::writer_busy,
          quoted(target_.path()) +
              " gives no address for localhost, and the program that has it open "
              "is not done with it"};
}

/// Whether another writer was at the file since it was read, as far as can be told without reading
/// it again. What is noticed here nobody sees half done: a program that edits a copy of the whole
/// file would otherwise take ours for it.
bool Replacement::edited_early() {
  if (early_edits_ == kEarlyRebasesMax) return false;
  (void)waited_for_rest();
  const SysResult<FileStatus> now =
      retry_interrupted([&] { return fs_.status_at(target_.directory.get(), target_.name); });
  if (!now) return false;  // the exchange says why
  return !same_metadata(*now, old_->status) || now->size != old_->status.size ||
         now->mtime_ns != old_->status.mtime_ns;
}

/// Whether the file under `name` is the one that was read, with the same bytes, and at rest.
Result<Replacement::Met> Replacement::compare(const std::string& name) {
  const std::string shown = join_path(target_.directory_path, name);
  const SysResult<FileStatus> before =
      retry_interrupted([&] { return fs_.status_at(target_.directory.get(), name); });
  if (!before) {
    if (before.error().number == ENOENT) return Met::late_edit;
    return sys_error(before.error().number, "look at " + quoted(shown));
  }
  if (before->kind != FileStatus::Kind::regular)
    return Error{Errc::symlink_refused,
                 quoted(target_.path()) + " was replaced by something that is not a regular file"};
  Result<std::optional<ReadFile>> file = open_file(fs_, target_, name);
  if (!file) return std::move(file).error();
  if (!*file) return Met::late_edit;
  busy_ = !await_writers((*file)->handle.get());
  const SysResult<FileStatus> status =
      retry_interrupted([&] { return fs_.status((*file)->handle.get()); });
  if (!status) return sys_error(status.error().number, "look at " + quoted(shown));
  if (!same_metadata(*status, old_->status)) return Met::late_edit;
  const Result<bool> same = holds(fs_, (*file)->handle.get(), old_bytes(), shown);
  if (!same) return same.error();
  return *same ? Met::expected : Met::late_edit;
}

/// Whether the new file stands in the target's place.
bool Replacement::exchanged(std::uint64_t inode) {
  const SysResult<FileStatus> status =
      retry_interrupted([&] { return fs_.status_at(target_.directory.get(), target_.name); });
  return status && status->inode == inode;
}

}  // namespace hostspin
