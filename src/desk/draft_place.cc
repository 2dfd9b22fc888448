#include "draft_place.h"

#include <cstdint>

#include "desk_files.h"
#include "document.h"
#include "rules.h"

namespace hostspin::desk {
namespace {

/// N where `path` is `root/<N>.note`, whichever way its directory is named; else 0.
std::int64_t published_root_number(const std::string& path) {
  const std::string directory = real_path(parent_of(path));
  const bool is_there = directory.substr(directory.rfind('/') + 1) == "root";
  return is_there ? version_of(path.substr(path.rfind('/') + 1)) : 0;
}

}  // namespace

Result<void> check_draft_place(const std::string& path, const std::string& hint) {
  if (path == "-") return {};
  if (const std::int64_t number = published_root_number(path); number > 0) {
    const std::string named = "root-" + std::to_string(number);
    return {Errc::usage,
            quoted(path) + " is where hosts fetch a root, and a draft has no signatures",
            "write it to " + named + ".toml, sign that with -o " + named +
                ".note, and publish the complete note"};
  }
  if (!exists(path) || is_directory(path)) return {};
  const Result<std::string> present = read_document(path, kManifestNoteBytesMax);
  if (!present) return present.error();
  if (!has_signatures(*present)) return {};
  return {Errc::usage, quoted(path) + " has signatures, and a text without any would replace it",
          hint};
}

}  // namespace hostspin::desk
