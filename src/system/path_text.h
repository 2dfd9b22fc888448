#pragma once

#include <string>
#include <string_view>

namespace hostspin {

struct PathParts {
  std::string directory;  ///< "/" or "." where the path names none
  std::string name;       ///< what follows the last slash; empty after a trailing one
};

/// The text alone is split; whether ".." climbs out of a symlink is the kernel's business.
inline PathParts split_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {".", std::string(path)};
  return {slash == 0 ? "/" : std::string(path.substr(0, slash)),
          std::string(path.substr(slash + 1))};
}

/// `path` as seen from `directory`.
inline std::string join_path(std::string_view directory, std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  std::string joined(directory);
  if (!joined.ends_with('/')) joined += '/';
  joined += path;
  return joined;
}

}  // namespace hostspin
