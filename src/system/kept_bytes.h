#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "file_system.h"
#include "hostspin/result.h"
#include "replace_file.h"
#include "target.h"

namespace hostspin {

/// The bytes a replacement took away, for an administrator who wants them back.
inline constexpr std::string_view kPreviousName = "hosts.prev";
/// The bytes that a run in place was writing when it was killed; gone once all is on disk.
inline constexpr std::string_view kNextName = "hosts.next";
/// Foreign lines that would otherwise be lost: hosts.left-1 and so on.
inline constexpr std::string_view kLeftOverPrefix = "hosts.left-";
/// Above it the last one is written over.
inline constexpr int kLeftOversMax = 100;

/// Where bytes are kept, the first that can be written: the state directory, /run/hostspin.
[[nodiscard]] std::vector<std::string> keeping_directories(const std::string& state_directory);

/// Keeps `bytes` in the state directory, or in /run/hostspin where that cannot be written (early
/// boot). Where they are kept. Nobody can read the copy who cannot read `model`.
Result<std::string> keep_previous(FileSystem& fs, const ReplaceRequest& request,
                                  std::string_view bytes, bool durable, const ReadFile& model);
/// Before they are written in place; beside hosts.prev.
Result<std::string> keep_next(FileSystem& fs, const ReplaceRequest& request, const Pieces& bytes,
                              const ReadFile& model);
Result<std::string> keep_left_over(FileSystem& fs, const ReplaceRequest& request,
                                   std::string_view bytes, const ReadFile& model);
/// Moves the file `name` of `directory` itself there, so that what is still written to it is kept
/// too. Empty where it cannot be moved: the state directory is on another mount, or read-only.
std::string move_left_over(FileSystem& fs, const ReplaceRequest& request, Handle directory,
                           const std::string& name);
/// Takes away what a run that was killed left half written.
void clear_kept_temps(FileSystem& fs, const ReplaceRequest& request);
/// Takes away what keep_left_over() kept, once its lines are in the file after all.
void forget_left_over(FileSystem& fs, const ReplaceRequest& request, const std::string& path);

}  // namespace hostspin
