#include "doctor.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "doctor_examination.h"
#include "hostspin/version.h"
#include "owned_handle.h"
#include "path_text.h"
#include "target.h"

namespace hostspin {
namespace {

using Severity = Finding::Severity;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kWorkerLimit{3000};

void examine_trust(Examination& exam) {
  const DoctorInput& input = exam.input();
  if (input.unreadable) {
    return exam.add(std::string(kNoPermissionCode), Severity::info,
                    input.unreadable->detail + ": what this machine trusts and pins is unknown",
                    std::string(input.unreadable->advice()));
  }
  if (input.trust_root) {
    exam.add("trust_root", Severity::critical, input.trust_root->detail,
             std::string(input.trust_root->advice()));
  } else {
    exam.add("trust_root", Severity::ok, "the trust root is readable and good");
  }
  if (input.manifest) {
    exam.add("manifest", Severity::warning, input.manifest->detail,
             std::string(input.manifest->advice()));
  }
}

void examine_clock(Examination& exam) {
  const std::chrono::sys_seconds built{std::chrono::seconds(kBuildTime)};
  if (exam.input().now >= built) {
    exam.add("clock", Severity::ok, "the clock is past the day this hostspin was built");
    return;
  }
  exam.add(
      "clock", Severity::warning,
      "the clock is earlier than the day this hostspin was built, so it is wrong: certificates "
      "may be refused, and reports give wrong ages",
      "set the clock; [tls] time = \"floor\" judges certificates by the build time meanwhile");
}

template <typename Session>
Result<void> say_nothing(Result<std::unique_ptr<Session>> session) {
  if (!session) return session.error();
  Result<void> finished = (*session)->finish();
  if (!finished) return finished;
  const steady_clock::time_point deadline = steady_clock::now() + kWorkerLimit;
  for (;;) {
    const auto line = (*session)->next(deadline);
    if (!line) return line.error();
    if (line->end) return {};
  }
}

Finding worker_finding(const std::string& name, const Result<void>& spoke) {
  if (spoke) return {"worker", Severity::ok, name + " starts and answers", ""};
  return {"worker", Severity::critical, spoke.error().detail, std::string(spoke.error().advice())};
}

}  // namespace

std::string_view severity_name(Severity severity) {
  switch (severity) {
    case Severity::ok:
      return "ok";
    case Severity::info:
      return "info";
    case Severity::warning:
      return "warning";
    case Severity::critical:
      return "critical";
  }
  return "";
}

void Examination::add(std::string code, Severity severity, std::string what, std::string remedy) {
  findings_.push_back({std::move(code), severity, std::move(what), std::move(remedy)});
  if (sink_ != nullptr) sink_->add(findings_.back());
}

void Examination::look_at(const std::string& what) {
  if (sink_ != nullptr) sink_->at(what);
}

void Examination::find_live_facts() {
  if (input_.live) {
    live_ = *input_.live;
    return;
  }
  look_at(input_.hosts_path);
  const Result<Target> target = open_target(fs_, input_.root, input_.hosts_path);
  live_ = read_live_facts(input_.root, target ? target->path() : input_.hosts_path);
}

std::size_t Examination::troubles() const {
  return static_cast<std::size_t>(
      std::count_if(findings_.begin(), findings_.end(),
                    [](const Finding& one) { return one.severity >= Severity::warning; }));
}

std::string Examination::read(const std::string& path) {
  look_at(path);
  Result<std::optional<std::string>> bytes = read_file(fs_, input_.root, path, kConfigFileBytesMax);
  if (!bytes) note_unread(path);
  return bytes && *bytes ? **std::move(bytes) : std::string();
}

bool Examination::exists(const std::string& path) {
  look_at(path);
  const PathParts parts = split_path(path);
  const SysResult<Handle> directory = fs_.open_directory(input_.root, parts.directory);
  if (!directory) return false;
  const OwnedHandle owned(fs_, *directory);
  return fs_.status_at(*directory, parts.name).has_value();
}

std::vector<std::string> Examination::list(const std::string& directory, std::string_view suffix) {
  look_at(directory);
  const SysResult<Handle> handle = fs_.open_directory(input_.root, directory);
  if (!handle) {
    if (handle.error().number == EACCES) note_unread(directory);
    return {};
  }
  const OwnedHandle owned(fs_, *handle);
  SysResult<std::vector<std::string>> names = fs_.list(*handle);
  if (!names) {
    note_unread(directory);
    return {};
  }
  std::vector<std::string> wanted;
  for (std::string& name : *names) {
    if (std::string_view(name).ends_with(suffix)) wanted.push_back(std::move(name));
  }
  std::sort(wanted.begin(), wanted.end());
  if (wanted.size() > kFilesReadMax) {
    add("not_checked", Severity::info,
        quoted(directory) + " has " + std::to_string(wanted.size()) + " files; the first " +
            std::to_string(kFilesReadMax) + " were looked at");
    wanted.resize(kFilesReadMax);
  }
  return wanted;
}

std::vector<Finding> Examination::finish() {
  if (!unread_.empty()) {
    std::vector<std::string> paths;
    for (const std::string& path : unread_) paths.push_back(quoted(path));
    add("not_checked", Severity::info,
        "could not be read, and so was not checked: " + listed(paths),
        "run 'hostspin doctor' as root");
  }
  std::stable_sort(findings_.begin(), findings_.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return std::move(findings_);
}

std::string listed(const std::vector<std::string>& items) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i == kListedMax) return text + ", ...";
    text += (i == 0 ? "" : ", ") + items[i];
  }
  return text;
}

std::string counted(std::size_t count, std::string_view noun, std::string_view many) {
  const std::string text = std::to_string(count) + " ";
  if (count == 1) return text + std::string(noun);
  return text + (many.empty() ? std::string(noun) + "s" : std::string(many));
}

std::vector<Finding> examine_machine(FileSystem& fs, const DoctorInput& input,
                                     const FindingSink* sink) {
  Examination exam(fs, input, sink);
  exam.find_live_facts();
  examine_trust(exam);
  examine_hosts_file(exam);
  examine_resolver(exam);
  examine_platform(exam);
  examine_units(exam);
  examine_systemd(exam);
  examine_metadata_service(exam);
  examine_clock(exam);
  examine_stale_mounts(exam);
  return exam.finish();
}

std::vector<Finding> examine_workers(Worker& worker) {
  SessionStart start;
  start.deadline = kWorkerLimit;
  return {worker_finding("hostspin-net", say_nothing(worker.start_net(start))),
          worker_finding("hostspin-ask", say_nothing(worker.start_ask(kWorkerLimit)))};
}

}  // namespace hostspin
