#include "state_store.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include "hostspin/note.h"
#include "path_text.h"
#include "replace_file.h"
#include "target.h"

namespace hostspin {
namespace {

constexpr std::size_t kHoldReasonBytesMax = 4096;
constexpr std::string_view kNoteSuffix = ".note";

Error disk_error(int number, const std::string& what) {
  const Errc code = number == EACCES || number == EPERM    ? Errc::denied
                    : number == EROFS                      ? Errc::read_only
                    : number == ENOSPC || number == EDQUOT ? Errc::disk_full
                                                           : Errc::io_error;
  return Error{code, what + ": " + std::strerror(number)};
}

/// N of "N.note" in plain decimal; empty for any other name.
std::optional<std::int64_t> root_number(std::string_view name) {
  if (!name.ends_with(kNoteSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, name.size() - kNoteSuffix.size());
  if (digits.empty() || digits.front() == '0' || digits.size() > 15) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number < 1)
    return std::nullopt;
  return number;
}

Result<void> check_file(FileSystem& fs, const std::string& root, const std::string& path) {
  const Result<Target> target = open_target(fs, root, path);
  Errc failed = target ? Errc::internal : target.error().code;
  if (target) {
    const Result<std::optional<ReadFile>> file = open_file(fs, *target, target->name);
    if (!file) failed = file.error().code;
  }
  // Whatever else is wrong is said where it is read.
  return failed == Errc::denied ? Result<void>(no_permission(fs, root, path)) : Result<void>();
}

}  // namespace

Result<void> StateStore::check_readable() const {
  std::vector<std::string> files;
  for (const std::string& directory : {paths_.config, paths_.vendor}) {
    files.push_back(join_path(directory, "root.note"));
    files.push_back(join_path(directory, "manifest.note"));
  }
  for (const char* name : {"manifest.note", "status.json"}) {
    files.push_back(join_path(paths_.state, name));
  }
  const std::string roots = join_path(paths_.state, "root");
  if (const SysResult<Handle> opened = fs_.open_directory(paths_.root, roots); opened) {
    const OwnedHandle directory(fs_, *opened);
    const SysResult<std::vector<std::string>> names = fs_.list(*opened);
    for (const std::string& name : names ? *names : std::vector<std::string>()) {
      if (root_number(name)) files.push_back(join_path(roots, name));
    }
  } else if (opened.error().number == EACCES || opened.error().number == EPERM) {
    return no_permission(fs_, paths_.root, roots);
  }
  for (const std::string& file : files) {
    if (Result<void> checked = check_file(fs_, paths_.root, file); !checked) return checked;
  }
  return {};
}

Result<StoredNote> StateStore::baked_root() {
  for (const std::string& directory : {paths_.config, paths_.vendor}) {
    const std::string path = directory + "/root.note";
    Result<std::optional<std::string>> bytes = read_file(fs_, paths_.root, path, kRootNoteBytesMax);
    if (!bytes) return std::move(bytes).error();
    if (*bytes) return StoredNote{path, std::move(**bytes)};
  }
  return {Errc::no_trust_root, "there is no trust root at " + paths_.config + "/root.note or " +
                                   paths_.vendor + "/root.note"};
}

Result<std::optional<StoredNote>> StateStore::seed(const std::string& root_path) {
  const std::string path = root_path.substr(0, root_path.rfind('/')) + "/manifest.note";
  Result<std::optional<std::string>> bytes =
      read_file(fs_, paths_.root, path, kManifestNoteBytesMax);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return std::optional<StoredNote>();
  return std::optional<StoredNote>(StoredNote{path, std::move(**bytes)});
}

std::vector<std::pair<std::int64_t, std::string>> StateStore::stored_roots(
    std::vector<std::string>& unreadable) {
  std::vector<std::pair<std::int64_t, std::string>> roots;
  const std::string directory = paths_.state + "/root";
  SysResult<Handle> handle = fs_.open_directory(paths_.root, directory);
  if (!handle) {
    if (handle.error().number != ENOENT) unreadable.push_back(directory);
    return roots;
  }
  const SysResult<std::vector<std::string>> names = fs_.list(*handle);
  (void)fs_.close(*handle);  // read only: nothing can be lost
  if (!names) {
    unreadable.push_back(directory);
    return roots;
  }
  for (const std::string& name : *names) {
    const std::optional<std::int64_t> number = root_number(name);
    if (!number || roots.size() >= kStoredRootsMax) continue;
    std::string path = join_path(directory, name);
    Result<std::optional<std::string>> bytes = read_file(fs_, paths_.root, path, kRootNoteBytesMax);
    if (!bytes || !*bytes) {
      unreadable.push_back(std::move(path));
      continue;
    }
    roots.emplace_back(*number, std::move(**bytes));
  }
  return roots;
}

Result<std::optional<std::string>> StateStore::stored_root(std::int64_t version) {
  const std::string path = paths_.state + "/root/" + std::to_string(version) + ".note";
  return read_file(fs_, paths_.root, path, kRootNoteBytesMax);
}

Result<std::optional<StoredNote>> StateStore::stored_manifest() {
  const std::string path = paths_.state + "/manifest.note";
  Result<std::optional<std::string>> bytes =
      read_file(fs_, paths_.root, path, kManifestNoteBytesMax);
  if (!bytes) return std::move(bytes).error();
  if (!*bytes) return std::optional<StoredNote>();
  return std::optional<StoredNote>(StoredNote{path, std::move(**bytes)});
}

/// mkdir -p: an image's tree may have no /var/lib yet.
Result<void> StateStore::make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string directory = path.substr(0, slash);
    const SysResult<void> made = fs_.make_directory(paths_.root, directory, 0755);
    // What is there already is fine, also where this user may not even look at it.
    const int number = made ? 0 : made.error().number;
    const bool last = slash == std::string::npos;
    if (number != 0 && number != EEXIST && (last || (number != EROFS && number != EACCES))) {
      return disk_error(number, "cannot make " + directory);
    }
    if (last) return {};
  }
}

/// A directory that is missing is made.
Result<void> StateStore::keep(const std::string& directory, const std::string& name,
                              std::string_view bytes, bool durable) {
  Result<void> kept = write_state_file(fs_, paths_.root, directory, name, bytes, durable);
  if (kept || kept.error().code != Errc::not_found) return kept;
  if (Result<void> made = make_directories(directory); !made) return made;
  return write_state_file(fs_, paths_.root, directory, name, bytes, durable);
}

Result<void> StateStore::keep_root(std::int64_t version, std::string_view bytes) {
  return keep(paths_.state + "/root", std::to_string(version) + std::string(kNoteSuffix), bytes,
              /*durable=*/true);
}

Result<void> StateStore::keep_manifest(std::string_view bytes) {
  return keep(paths_.state, "manifest.note", bytes, /*durable=*/true);
}

Result<void> StateStore::keep_status(std::string_view json) {
  return keep(paths_.state, "status.json", json, /*durable=*/false);
}

Result<std::optional<std::string>> StateStore::status() {
  return read_file(fs_, paths_.root, paths_.state + "/status.json", kStatusBytesMax);
}

void StateStore::sweep() {
  for (const std::string& directory : {paths_.state, paths_.state + "/root"}) {
    SysResult<Handle> handle = fs_.open_directory(paths_.root, directory);
    if (!handle) continue;
    const SysResult<std::vector<std::string>> names = fs_.list(*handle);
    for (const std::string& name : names ? *names : std::vector<std::string>()) {
      if (name.ends_with(kTempSuffix)) (void)fs_.unlink(*handle, name);  // the next sweep comes
    }
    (void)fs_.close(*handle);  // nothing here has to survive a power cut
  }
}

Result<std::vector<std::string>> StateStore::forget() {
  std::vector<std::string> removed;
  const auto remove_in = [&](const std::string& directory, auto&& wanted) -> Result<void> {
    SysResult<Handle> handle = fs_.open_directory(paths_.root, directory);
    if (!handle) {
      if (handle.error().number == ENOENT) return {};
      return disk_error(handle.error().number, "cannot open " + directory);
    }
    const SysResult<std::vector<std::string>> names = fs_.list(*handle);
    int failed = names ? 0 : names.error().number;
    for (const std::string& name : names ? *names : std::vector<std::string>()) {
      if (!wanted(name)) continue;
      const SysResult<void> gone = fs_.unlink(*handle, name);
      if (!gone) failed = gone.error().number;
      if (gone) removed.push_back(join_path(directory, name));
    }
    if (const SysResult<void> synced = fs_.sync(*handle); !synced && failed == 0) {
      failed = synced.error().number;
    }
    (void)fs_.close(*handle);  // the sync above has said whether the removal holds
    if (failed != 0) return disk_error(failed, "cannot empty " + directory);
    return {};
  };
  Result<void> done =
      remove_in(paths_.state, [](const std::string& n) { return n == "manifest.note"; });
  if (done) {
    done = remove_in(paths_.state + "/root",
                     [](const std::string& n) { return root_number(n).has_value(); });
  }
  if (!done) return std::move(done).error();
  return removed;
}

Result<std::optional<std::string>> StateStore::hold_reason() {
  return read_file(fs_, paths_.root, paths_.config + "/hold", kHoldReasonBytesMax);
}

Result<void> StateStore::hold(std::string_view reason) {
  return keep(paths_.config, "hold", reason, /*durable=*/true);
}

Result<bool> StateStore::release() {
  SysResult<Handle> handle = fs_.open_directory(paths_.root, paths_.config);
  if (!handle) {
    if (handle.error().number == ENOENT) return false;
    return disk_error(handle.error().number, "cannot open " + paths_.config);
  }
  const SysResult<void> gone = fs_.unlink(*handle, "hold");
  const SysResult<void> synced = fs_.sync(*handle);
  (void)fs_.close(*handle);  // the sync above has said whether the removal holds
  if (!gone && gone.error().number == ENOENT) return false;
  if (!gone) return disk_error(gone.error().number, "cannot remove " + paths_.config + "/hold");
  if (!synced) return disk_error(synced.error().number, "cannot sync " + paths_.config);
  return true;
}

}  // namespace hostspin
