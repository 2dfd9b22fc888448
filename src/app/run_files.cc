#include "run_files.h"

#include "replace_file.h"

namespace hostspin {

std::optional<std::string> read_run_file(FileSystem& fs, const std::string& root,
                                         const std::string& name) {
  Result<std::optional<std::string>> bytes =
      read_file(fs, root, std::string(kRunDirectory) + "/" + name, kRunFileBytesMax);
  return bytes ? std::move(*bytes) : std::nullopt;
}

Result<void> write_run_file(FileSystem& fs, const std::string& root, const std::string& name,
                            std::string_view bytes) {
  const std::string directory(kRunDirectory);
  for (const std::string& path : {std::string("/run"), directory}) {
    (void)fs.make_directory(root, path, 0755);  // there already, or the write below says why not
  }
  return write_state_file(fs, root, directory, name, bytes, false);
}

}  // namespace hostspin
