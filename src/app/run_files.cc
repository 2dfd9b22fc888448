#include "run_files.h"

#include "replace_file.h"

namespace hostspin {

std::optional<std::string> read_run_file(FileSystem& fs, const std::string& root,
                                         const std::string& name, std::size_t bytes_max) {
  Result<std::optional<std::string>> bytes =
      read_file(fs, root, std::string(kRunDirectory) + "/" + name, bytes_max);
  return bytes ? std::move(*bytes) : std::nullopt;
}

Result<void> write_run_file(FileSystem& fs, const std::string& root, const std::string& name,
                            std::string_view bytes) {
  const std::string directory(kRunDirectory);
  Result<void> written = write_state_file(fs, root, directory, name, bytes, false);
  if (written || written.error().code != Errc::not_found) return written;
  for (const std::string& path : {std::string("/run"), directory}) {
    (void)fs.make_directory(root, path, 0755);  // there already, or the write below says why not
  }
  return write_state_file(fs, root, directory, name, bytes, false);
}

void remove_run_file(FileSystem& fs, const std::string& root, const std::string& name) {
  const SysResult<Handle> directory = fs.open_directory(root, std::string(kRunDirectory));
  if (!directory) return;
  (void)fs.unlink(*directory, name);  // often there is none
  (void)fs.close(*directory);         // nothing here has to survive a power cut
}

void sweep_run_files(FileSystem& fs, const std::string& root) {
  const SysResult<Handle> directory = fs.open_directory(root, std::string(kRunDirectory));
  if (!directory) return;
  const SysResult<std::vector<std::string>> names = fs.list(*directory);
  const std::string own = std::string(kAgentFile) + std::string(kTempSuffix);
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    if (!name.ends_with(kTempSuffix) || name == own) continue;
    (void)fs.unlink(*directory, name);  // the next sweep comes
  }
  (void)fs.close(*directory);  // nothing here has to survive a power cut
}

}  // namespace hostspin
