#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "file_system.h"
#include "hostspin/result.h"
#include "target.h"

namespace hostspin {

/// The temporary file beside the target: complete, checked and synced, but not yet in its place.
struct TempFile {
  OwnedHandle handle;
  std::uint64_t inode = 0;
};

/// Makes it hold `bytes`, with the owner, mode, extended attributes and ACL of `model`; without
/// one, mode 0644. On an error nothing is left behind.
Result<TempFile> make_temp_file(FileSystem& fs, const Target& target, const std::string& temp,
                                const Pieces& bytes, const ReadFile* model);

/// Unlinks `temp` if it is still the file that was made: an exchange whose error came late may have
/// put another writer's bytes there.
void discard_temp_file(FileSystem& fs, const Target& target, const std::string& temp,
                       std::uint64_t inode);

}  // namespace hostspin
