// The file itself: what is in it, whose it is, and whether it can be replaced.

#include <algorithm>

#include "co_tenants.h"
#include "config_lines.h"
#include "doctor_examination.h"
#include "kept_bytes.h"
#include "path_text.h"
#include "refusal.h"
#include "target.h"

namespace hostspin {
namespace {

using Severity = Finding::Severity;

/// Above it each look-up's reading of the file is felt.
constexpr std::size_t kLargeFileBytes = 1U << 20U;
// Lines that readers stumble over: musl reads pieces of 512 bytes, Go and CoreDNS stop at 64 KiB,
// systemd-resolved refuses the file at 1 MiB.
constexpr std::size_t kMuslLineBytes = 511;
constexpr std::size_t kGoLineBytes = 64U << 10U;
constexpr std::size_t kResolvedLineBytes = 1U << 20U;
constexpr std::uint32_t kWritableByGroup = 0020;
constexpr std::uint32_t kWritableByOthers = 0002;
constexpr std::uint32_t kReadableByOthers = 0004;
constexpr std::size_t kConflictsShownMax = 20;

void add_error(Examination& exam, const Error& error) {
  exam.add(std::string(code_name(error.code)), Severity::critical, error.detail,
           std::string(error.advice()));
}

void examine_long_lines(Examination& exam, std::string_view bytes) {
  std::vector<std::string> numbers;
  std::size_t longest = 0;
  std::size_t number = 0;
  for (const std::string_view line : lines_of(bytes)) {
    ++number;
    if (line.size() + 1 <= kMuslLineBytes) continue;
    numbers.push_back(std::to_string(number));
    longest = std::max(longest, line.size() + 1);
  }
  if (numbers.empty()) return;
  std::string effect = "musl takes what follows a line's byte 511 for a new line";
  if (longest > kGoLineBytes) effect += "; Go and CoreDNS read nothing below a line above 64 KiB";
  if (longest > kResolvedLineBytes) effect += "; systemd-resolved refuses the whole file";
  exam.add("hosts_long_lines", longest > kGoLineBytes ? Severity::critical : Severity::warning,
           "lines above " + std::to_string(kMuslLineBytes) + " bytes (" + listed(numbers) +
               "): " + effect,
           "split them: one address and one name a line");
}

void examine_conflicts(Examination& exam, const HostsFile& file) {
  std::size_t shown = 0;
  for (const Conflict& conflict : find_conflicts(file, exam.input().pins)) {
    if (shown++ == kConflictsShownMax) {
      return exam.add("conflict", Severity::warning, "more foreign lines give pinned names");
    }
    if (conflict.same_address) {
      exam.add("conflict", Severity::info, describe_conflict(conflict));
      continue;
    }
    exam.add("conflict", Severity::warning, describe_conflict(conflict),
             "remove the line, or set [hosts] conflicts = \"comment-out\"");
  }
}

void examine_content(Examination& exam, std::string_view bytes) {
  const Result<HostsFile> file = parse_hosts(bytes);
  if (!file) {
    add_error(exam, file.error());
  } else {
    examine_conflicts(exam, *file);
  }
  if (!gives_localhost(bytes)) {
    exam.add("no_localhost", Severity::warning,
             "no line gives 'localhost': something may have emptied the file",
             "add '127.0.0.1 localhost' and '::1 localhost' below the block");
  }
  examine_long_lines(exam, bytes);
  if (bytes.size() > kLargeFileBytes) {
    exam.add("hosts_large", Severity::warning,
             "the hosts file has " + counted(bytes.size(), "byte") +
                 ", and each look-up reads all of it",
             "move lists of blocked names to the resolver");
  }
  for (const FoundCoTenant& found : find_co_tenants(bytes)) {
    exam.add("other_writer", found.tenant->whole_file ? Severity::warning : Severity::info,
             std::string(found.tenant->name) + " " + std::string(found.tenant->habit) +
                 " (its mark is in line " + std::to_string(found.line) + ")",
             std::string(found.tenant->remedy));
  }
}

void examine_status(Examination& exam, const FileStatus& status, const std::string& shown) {
  if ((status.mode & kReadableByOthers) == 0) {
    exam.add("hosts_mode", Severity::critical,
             shown + " cannot be read by everybody: other users' look-ups go to DNS",
             "chmod 0644 " + shown);
  }
  if ((status.mode & kWritableByOthers) != 0) {
    exam.add("hosts_mode", Severity::critical,
             shown + " can be written by everybody: any user may redirect any name",
             "chmod 0644 " + shown);
  } else if ((status.mode & kWritableByGroup) != 0) {
    exam.add("hosts_mode", Severity::warning,
             shown + " can be written by group " + std::to_string(status.group),
             "chmod 0644 " + shown);
  }
  // Whoever tries things out below a directory of his own owns the files there.
  const bool is_own = !exam.is_running_system() && status.owner == exam.live().user;
  if ((status.owner != 0 || status.group != 0) && !is_own) {
    exam.add("foreign_owner", Severity::warning,
             shown + " belongs to user " + std::to_string(status.owner) + " and group " +
                 std::to_string(status.group) + ", which the units have no right to keep",
             std::string(default_hint(Errc::foreign_owner)));
  }
  if (status.links > 1) {
    exam.add("hosts_hard_links", Severity::warning,
             shown + " has " + counted(status.links, "name") +
                 ": a replacement leaves the others with the old content",
             "find them with 'find / -xdev -samefile " + shown + "' and make them symbolic links");
  }
}

bool is_mount_point(Examination& exam, const Target& target) {
  // A kernel before 5.8 tells it by the mount table alone.
  return exam.fs()
      .is_mount_point(target.directory.get(), target.name)
      .value_or(exam.live().mount_point);
}

void examine_replaceability(Examination& exam, const Target& target, const std::string& shown) {
  const Result<std::optional<ReadFile>> file = open_file(exam.fs(), target, target.name);
  const Result<void> flags = check_flags(exam.fs(), target, file && *file ? &**file : nullptr);
  if (!flags) add_error(exam, flags.error());
  if (exam.live().read_only) {
    exam.add("read_only", Severity::critical, "the file system of " + shown + " is read-only",
             std::string(default_hint(Errc::read_only)));
  }
  if (!is_mount_point(exam, target)) return;
  if (exam.input().write == WriteMode::in_place) {
    return exam.add("bind_mount", Severity::info,
                    shown + " is a mount point and written in place: a power cut can tear it");
  }
  exam.add("bind_mount", Severity::critical,
           shown + " is a mount point: it cannot be replaced, and what was mounted over it decides",
           std::string(default_hint(Errc::bind_mount)));
}

void examine_left_overs(Examination& exam, const Target& target) {
  const std::string temp = target.name + std::string(kTempSuffix);
  if (exam.fs().status_at(target.directory.get(), temp)) {
    exam.add("left_over_temp", Severity::warning,
             quoted(temp) + " stands beside the hosts file: a replacement was interrupted",
             "'hostspin apply' looks what it holds and clears it away");
  }
  std::vector<std::string> kept;
  for (const std::string& directory : keeping_directories(exam.input().state_directory)) {
    for (const std::string& name : exam.list(directory, "")) {
      if (name.starts_with(kLeftOverPrefix)) kept.push_back(quoted(join_path(directory, name)));
    }
  }
  if (kept.empty()) return;
  exam.add("left_lines", Severity::info,
           "foreign lines that could not be put into the hosts file are kept: " + listed(kept),
           "compare them with the hosts file, then delete them");
}

void examine_symlink(Examination& exam, const std::string& target_path) {
  const std::string& path = exam.input().hosts_path;
  if (target_path == path) return;
  exam.add("hosts_symlink", Severity::info,
           quoted(path) + " is a symbolic link; what is replaced is " + quoted(target_path));
}

}  // namespace

void examine_hosts_file(Examination& exam) {
  const DoctorInput& input = exam.input();
  const std::size_t troubles_before = exam.troubles();
  exam.look_at(input.hosts_path);
  Result<Target> target = open_target(exam.fs(), input.root, input.hosts_path);
  if (!target) return add_error(exam, target.error());
  const std::string shown = quoted(target->path());
  examine_symlink(exam, target->path());
  examine_replaceability(exam, *target, shown);
  examine_left_overs(exam, *target);

  const SysResult<FileStatus> status = exam.fs().status_at(target->directory.get(), target->name);
  if (!status) {
    return exam.add("hosts_missing", Severity::warning, "there is no " + shown,
                    "'hostspin apply' makes it, with a line for localhost");
  }
  examine_status(exam, *status, shown);
  const Result<std::optional<std::string>> bytes =
      read_file(exam.fs(), input.root, input.hosts_path, kHostsBytesMax);
  if (!bytes) return add_error(exam, bytes.error());
  if (*bytes) examine_content(exam, **bytes);
  if (exam.troubles() != troubles_before) return;
  exam.add("hosts_file", Severity::ok, shown + " can be read by all and replaced by root");
}

}  // namespace hostspin
