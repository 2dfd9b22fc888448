// Writing over the file itself: only where the configuration says so and the file is a mount point,
// since a reader may see half of it.

#include <algorithm>
#include <cerrno>

#include "hostspin/hosts_file.h"
#include "kept_bytes.h"
#include "path_text.h"
#include "refusal.h"
#include "replacement.h"
#include "sys_error.h"

namespace hostspin {
namespace {

/// What the file holds beyond the new bytes becomes blank lines before it is cut off: a kill
/// between the two leaves no end of the old bytes there.
Result<void> overwrite(FileSystem& fs, Handle handle, const Pieces& bytes,
                       const std::string& shown) {
  const SysResult<FileStatus> now = retry_interrupted([&] { return fs.status(handle); });
  if (!now) return sys_error(now.error().number, "look at " + quoted(shown));
  Pieces padded = bytes;
  if (now->size > bytes.size()) padded.keep(std::string(now->size - bytes.size(), '\n'));
  if (Result<void> written = write_bytes(fs, handle, padded, shown); !written) return written;
  const SysResult<void> cut = retry_interrupted([&] { return fs.truncate(handle, bytes.size()); });
  if (!cut) return sys_error(cut.error().number, "set the size of " + quoted(shown));
  const SysResult<void> synced = retry_interrupted([&] { return fs.sync(handle); });
  if (!synced) return sys_error(synced.error().number, "sync " + quoted(shown));
  const Result<bool> same = holds(fs, handle, bytes, shown);
  if (!same) return same.error();
  if (!*same) return {Errc::io_error, quoted(shown) + " does not hold what was written to it"};
  return {};
}

/// Whether `bytes` may be what a write of `next` over `before` left when it was cut off: each byte
/// is of one or of the other, or of the blank lines or the room between their ends.
bool is_mixture(std::string_view bytes, std::string_view before, std::string_view next) {
  if (bytes.size() > std::max(before.size(), next.size())) return false;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char written = i < next.size() ? next[i] : '\n';
    const char old = i < before.size() ? before[i] : '\0';
    if (bytes[i] != written && bytes[i] != old) return false;
  }
  return bytes.size() >= std::min(before.size(), next.size());
}

}  // namespace

Result<OwnedHandle> Replacement::open_for_writing() {
  const SysResult<Handle> opened =
      retry_interrupted([&] { return fs_.open_write(target_.directory.get(), target_.name); });
  if (!opened)
    return explain_refusal(fs_, target_, present(), opened.error().number,
                           "open " + quoted(target_.path()) + " for writing");
  return OwnedHandle(fs_, *opened);
}

/// A run that was killed while it wrote in place left half of its own bytes and half of the old
/// ones: the old ones are put back, before they are taken for the file.
Result<void> Replacement::undo_interrupted() {
  for (const std::string& directory : keeping_directories(request_.state_directory))
    if (Result<void> undone = undo_interrupted(directory); !undone) return undone;
  return {};
}

Result<void> Replacement::undo_interrupted(const std::string& directory) {
  const std::string mark = join_path(directory, std::string(kNextName));
  const std::string copy = join_path(directory, std::string(kPreviousName));
  const Result<std::optional<std::string>> next =
      read_file(fs_, request_.root, mark, kHostsBytesMax);
  if (!next) return next.error();
  if (!*next) return {};
  const Result<std::optional<std::string>> before =
      read_file(fs_, request_.root, copy, kHostsBytesMax);
  if (!before) return before.error();
  if (Result<void> done = read(); !done) return done;
  const std::string_view now = old_bytes();
  if (*before && old_ && now != **before && now != **next) {
    const std::string shown = target_.path();
    if (is_mixture(now, **before, **next)) {
      const Result<OwnedHandle> file = open_for_writing();
      if (!file) return file.error();
      if (Result<void> restored = overwrite(fs_, file->get(), std::string_view(**before), shown);
          !restored)
        return annotate(std::move(restored).error(),
                        "an interrupted write left a mixture, and the old bytes are in " + copy);
    } else if (holds_lost_lines(**before, now)) {  // somebody has edited it since
      Result<std::string> kept = keep_left_over(fs_, request_, **before, *old_);
      if (!kept) return annotate(std::move(kept).error(), "cannot keep " + quoted(copy));
      outcome_.left_overs.push_back(std::move(*kept));
    }
  }
  forget_left_over(fs_, request_, mark);
  return {};
}

Result<Replacement::Met> Replacement::write_in_place(const Pieces& next) {
  const std::string shown = target_.path();
  Result<std::string> kept = keep_previous(fs_, request_, old_->bytes, /*durable=*/true, *old_);
  if (!kept)
    return annotate(std::move(kept).error(),
                    "cannot write " + quoted(shown) + " in place without a copy of what it holds");
  outcome_.previous = std::move(*kept);

  const Result<OwnedHandle> opened = open_for_writing();
  if (!opened) return opened.error();
  const Handle file = opened->get();
  const Result<bool> unchanged = holds(fs_, file, old_bytes(), shown);
  if (!unchanged) return unchanged.error();
  if (!*unchanged) return Met::late_edit;

  // Room first: a full disk must not be found out half way.
  const SysResult<void> allocated =
      next.empty() ? SysResult<void>()
                   : retry_interrupted([&] { return fs_.allocate(file, next.size()); });
  if (!allocated && (allocated.error().number == ENOSPC || allocated.error().number == EDQUOT))
    return sys_error(allocated.error().number, "make room in " + quoted(shown));

  const Result<std::string> mark = keep_next(fs_, request_, next, *old_);
  if (!mark)
    return annotate(mark.error(), "cannot note that " + quoted(shown) + " is being written");
  if (Result<void> written = overwrite(fs_, file, next, shown); !written) {
    const Result<void> restored = overwrite(fs_, file, old_bytes(), shown);
    if (restored) forget_left_over(fs_, request_, *mark);
    Error error = std::move(written).error();
    error.detail += restored
                        ? "; the old bytes were put back"
                        : "; it may hold a mixture, and the old bytes are in " + outcome_.previous;
    return error;
  }
  forget_left_over(fs_, request_, *mark);
  constexpr std::int64_t kSecond = 1'000'000'000;
  const SysResult<FileStatus> status = fs_.status(file);
  if (status && status->mtime_ns == old_->status.mtime_ns && status->size == old_->status.size)
    (void)fs_.set_mtime(file, old_->status.mtime_ns + kSecond);  // readers look at nothing else
  return Met::expected;
}

}  // namespace hostspin
