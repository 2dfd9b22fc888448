#include "kept_bytes.h"

#include "path_text.h"
#include "sys_error.h"

namespace hostspin {
namespace {

constexpr const char* kRunDirectory = "/run/hostspin";

/// The first number that is free, or holds these bytes already.
std::string left_over_name(FileSystem& fs, const ReplaceRequest& request,
                           const std::string& directory, std::optional<std::string_view> bytes) {
  std::string name;
  for (int number = 1; number <= kLeftOversMax; ++number) {
    name = std::string(kLeftOverPrefix) + std::to_string(number);
    const Result<std::optional<std::string>> present =
        read_file(fs, request.root, join_path(directory, name), kHostsBytesMax);
    if (present && (!*present || (bytes && **present == *bytes))) break;
  }
  return name;
}

template <typename Name>
Result<std::string> keep(FileSystem& fs, const ReplaceRequest& request, std::string_view bytes,
                         bool durable, const ReadFile& model, Name name_in) {
  Result<void> kept;
  for (const std::string& directory : keeping_directories(request.state_directory)) {
    const std::string name = name_in(directory);
    kept = write_state_file(fs, request.root, directory, name, bytes, durable, &model);
    if (kept) return join_path(directory, name);
  }
  return std::move(kept).error();
}

}  // namespace

std::vector<std::string> keeping_directories(const std::string& state_directory) {
  std::vector<std::string> directories;
  if (!state_directory.empty()) directories.push_back(state_directory);
  directories.emplace_back(kRunDirectory);
  return directories;
}

Result<std::string> keep_previous(FileSystem& fs, const ReplaceRequest& request,
                                  std::string_view bytes, bool durable, const ReadFile& model) {
  return keep(fs, request, bytes, durable, model,
              [](const std::string&) { return std::string(kPreviousName); });
}

Result<std::string> keep_next(FileSystem& fs, const ReplaceRequest& request, const Pieces& bytes,
                              const ReadFile& model) {
  return keep(fs, request, bytes.str(), /*durable=*/true, model,
              [](const std::string&) { return std::string(kNextName); });
}

Result<std::string> keep_left_over(FileSystem& fs, const ReplaceRequest& request,
                                   std::string_view bytes, const ReadFile& model) {
  return keep(fs, request, bytes, /*durable=*/true, model, [&](const std::string& directory) {
    return left_over_name(fs, request, directory, bytes);
  });
}

std::string move_left_over(FileSystem& fs, const ReplaceRequest& request, Handle directory,
                           const std::string& name) {
  if (request.state_directory.empty()) return "";
  const SysResult<Handle> opened = fs.open_directory(request.root, request.state_directory);
  if (!opened) return "";
  const OwnedHandle there(fs, *opened);
  const std::string kept = left_over_name(fs, request, request.state_directory, std::nullopt);
  if (!fs.move(directory, name, *opened, kept)) return "";
  (void)fs.sync(*opened);
  return join_path(request.state_directory, kept);
}

void clear_kept_temps(FileSystem& fs, const ReplaceRequest& request) {
  for (const std::string& directory : keeping_directories(request.state_directory)) {
    const SysResult<Handle> opened = fs.open_directory(request.root, directory);
    if (!opened) continue;
    const OwnedHandle handle(fs, *opened);
    const SysResult<std::vector<std::string>> names = fs.list(*opened);
    if (!names) continue;
    for (const std::string& name : *names)
      if (name.starts_with("hosts.") && name.ends_with(kTempSuffix))
        (void)fs.unlink(*opened, name);  // no harm if it stays: the next copy takes it away
  }
}

void forget_left_over(FileSystem& fs, const ReplaceRequest& request, const std::string& path) {
  const PathParts parts = split_path(path);
  const SysResult<Handle> directory = fs.open_directory(request.root, parts.directory);
  if (!directory) return;  // one copy too many does no harm
  const OwnedHandle handle(fs, *directory);
  (void)fs.unlink(*directory, parts.name);
}

}  // namespace hostspin
