#pragma once

#include <cstdint>
#include <string>

#include "hostspin/result.h"

namespace hostspin {

/// Tells that a file may have changed, by watching the directory of its path and that of the file
/// that links lead to (inotify), and this mount namespace's mounts (a bind mount over the file
/// raises no inotify event). What happens in between, to another link or a directory further up,
/// is found by whoever looks now and then. Level-triggered: an event only means "read it again".
class FileWatch {
 public:
  /// `path`, as seen from `root`, is followed through symbolic links within it when the watch is
  /// set, and again by rearm().
  static Result<FileWatch> open(const std::string& root, const std::string& path);
  FileWatch(FileWatch&& other) noexcept;
  FileWatch& operator=(FileWatch&&) = delete;
  ~FileWatch();

  [[nodiscard]] int events_fd() const { return inotify_; }  ///< poll for POLLIN
  [[nodiscard]] int mounts_fd() const {
    return mounts_;
  }  ///< poll for POLLPRI; -1 where there is none

  /// Drains the queue. True where an event was about the file, or events were lost.
  bool drain();
  /// Sets the watches anew, after a directory or a link may have been replaced. True where one is
  /// another than before, or cannot be had any more, so that something may have gone unseen.
  [[nodiscard]] bool rearm();
  /// Whether the directory of the path could be watched when that was tried last.
  [[nodiscard]] bool is_armed() const { return directory_watch_ >= 0; }

  /// What tells one file from the next, whatever it holds.
  struct Stamp {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };
  /// All zero where there is no file.
  [[nodiscard]] Stamp stamp() const;

 private:
  FileWatch(std::string root, std::string path, int inotify, int mounts)
      : root_(std::move(root)), path_(std::move(path)), inotify_(inotify), mounts_(mounts) {}
  /// inotify's number for an open directory, which is called `path` on this machine; -1 = none.
  [[nodiscard]] int watch_directory(int directory, const std::string& path) const;

  std::string root_;
  std::string path_;
  std::string name_;         ///< of the link or file in its first directory
  std::string target_name_;  ///< of the file that links lead to
  int inotify_;
  int mounts_;
  int directory_watch_ = -1;  ///< inotify's number for the directory of the path; -1 = none
  int target_watch_ = -1;     ///< for that of the file that links lead to
};

}  // namespace hostspin
