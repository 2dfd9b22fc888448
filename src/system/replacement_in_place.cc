// Writing over the file itself: only where the configuration says so and the file is a mount point,
// since a reader may see half of it.

#include <cerrno>

#include "kept_bytes.h"
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

}  // namespace

Result<Replacement::Met> Replacement::write_in_place(const Pieces& next) {
  const std::string shown = target_.path();
  Result<std::string> kept = keep_previous(fs_, request_, old_->bytes, /*durable=*/true);
  if (!kept)
    return annotate(std::move(kept).error(),
                    "cannot write " + quoted(shown) + " in place without a copy of what it holds");
  outcome_.previous = std::move(*kept);

  const SysResult<Handle> opened =
      retry_interrupted([&] { return fs_.open_write(target_.directory.get(), target_.name); });
  if (!opened)
    return explain_refusal(fs_, target_, present(), opened.error().number,
                           "open " + quoted(shown) + " for writing");
  const OwnedHandle file(fs_, *opened);
  const Result<bool> unchanged = holds(fs_, *opened, old_bytes(), shown);
  if (!unchanged) return unchanged.error();
  if (!*unchanged) return Met::late_edit;

  // Room first: a full disk must not be found out half way.
  const SysResult<void> allocated =
      next.empty() ? SysResult<void>()
                   : retry_interrupted([&] { return fs_.allocate(*opened, next.size()); });
  if (!allocated && (allocated.error().number == ENOSPC || allocated.error().number == EDQUOT))
    return sys_error(allocated.error().number, "make room in " + quoted(shown));

  if (Result<void> written = overwrite(fs_, *opened, next, shown); !written) {
    const Result<void> restored = overwrite(fs_, *opened, old_bytes(), shown);
    Error error = std::move(written).error();
    error.detail += restored
                        ? "; the old bytes were put back"
                        : "; it may hold a mixture, and the old bytes are in " + outcome_.previous;
    return error;
  }
  constexpr std::int64_t kSecond = 1'000'000'000;
  const SysResult<FileStatus> status = fs_.status(*opened);
  if (status && status->mtime_ns == old_->status.mtime_ns && status->size == old_->status.size)
    (void)fs_.set_mtime(*opened, old_->status.mtime_ns + kSecond);  // readers look at nothing else
  return Met::expected;
}

}  // namespace hostspin
