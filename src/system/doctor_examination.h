#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bounded_examination.h"
#include "doctor.h"

namespace hostspin {

inline constexpr std::size_t kConfigFileBytesMax = 1U << 20U;
/// How many lines, names and the like one finding lists.
inline constexpr std::size_t kListedMax = 5;
/// How many files of one directory are read.
inline constexpr std::size_t kFilesReadMax = 256;

/// A doctor's look at one machine: what its parts share. Private to doctor*.cc.
class Examination {
 public:
  Examination(FileSystem& fs, const DoctorInput& input, const FindingSink* sink)
      : fs_(fs), input_(input), sink_(sink) {}
  /// Asked of the kernel where `input` does not tell it.
  void find_live_facts();

  [[nodiscard]] FileSystem& fs() { return fs_; }
  [[nodiscard]] const DoctorInput& input() const { return input_; }
  [[nodiscard]] const LiveFacts& live() const { return live_; }
  /// Not another root's: the kernel, /proc and the running programs belong to it.
  [[nodiscard]] bool is_running_system() const { return input_.root == "/"; }

  /// What is looked at next, in case that takes too long.
  void look_at(const std::string& what);
  void add(std::string code, Finding::Severity severity, std::string what, std::string remedy = {});
  /// How many findings so far are more than information.
  [[nodiscard]] std::size_t troubles() const;
  void note_unread(const std::string& path) { unread_.push_back(path); }

  /// A small configuration file; empty where there is none. What cannot be read is noted.
  std::string read(const std::string& path);
  [[nodiscard]] bool exists(const std::string& path);
  /// The names in a directory that end with `suffix`, sorted; empty where there is none.
  std::vector<std::string> list(const std::string& directory, std::string_view suffix);

  /// The findings, worst first, and what could not be looked at.
  std::vector<Finding> finish();

 private:
  FileSystem& fs_;
  const DoctorInput& input_;
  const FindingSink* sink_;
  LiveFacts live_;
  std::vector<Finding> findings_;
  std::vector<std::string> unread_;
};

/// "7, 9, 12"; what is above kListedMax is left out with "...".
[[nodiscard]] std::string listed(const std::vector<std::string>& items);
/// "1 name", "2 names"; "1 process", "2 processes".
[[nodiscard]] std::string counted(std::size_t count, std::string_view noun,
                                  std::string_view many = {});

void examine_resolver(Examination& exam);          // doctor_resolver.cc
void examine_hosts_file(Examination& exam);        // doctor_hosts_file.cc
void examine_platform(Examination& exam);          // doctor_platform.cc
void examine_metadata_service(Examination& exam);  // doctor_metadata.cc
void examine_units(Examination& exam);             // doctor_units.cc
void examine_systemd(Examination& exam);           // doctor_systemd.cc
/// Last: what other users' processes show takes time.
void examine_stale_mounts(Examination& exam);  // doctor_platform.cc

}  // namespace hostspin
