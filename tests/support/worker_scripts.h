#pragma once

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "catch.h"
#include "worker_process.h"

namespace hostspin {

/// A directory that the unprivileged worker can reach, gone with the test.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hostspin-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
    REQUIRE(chmod(path_.c_str(), 0755) == 0);
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

  /// A worker that is a shell script.
  void put_worker(const std::string& name, const std::string& script) const {
    const std::string path = path_ + "/" + name;
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    REQUIRE(chmod(path.c_str(), 0755) == 0);
  }

 private:
  std::string path_;
};

inline std::size_t count_open_fds() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    (void)entry;
    ++count;
  }
  return count;
}

inline bool has_child() {
  siginfo_t info = {};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

inline WorkerProcessOptions options_in(const ScratchDirectory& directory) {
  WorkerProcessOptions options;
  options.sockets = false;
  options.libexec_directory = directory.path();
  options.grace = std::chrono::milliseconds(300);
  return options;
}

inline SessionStart start_within(std::chrono::milliseconds deadline) {
  SessionStart start;
  start.deadline = deadline;
  return start;
}

inline ProbeRequest probe_of(std::uint32_t id) {
  Check check;
  check.kind = CheckKind::tcp;
  check.kind_text = "tcp";
  check.port = 443;
  return ProbeRequest{id, *IPAddress::parse("192.0.2.1"), check, false};
}

/// Everything until the end or the first error that is not a time-out of `limit`.
inline Result<std::vector<NetResult>> collect(NetSession& session,
                                              std::chrono::milliseconds limit) {
  std::vector<NetResult> results;
  for (;;) {
    Result<NetResult> result = session.next(std::chrono::steady_clock::now() + limit);
    if (!result) return result.error();
    const bool end = result->end;
    results.push_back(*std::move(result));
    if (end) return results;
  }
}

// What an honest worker answers to each probe: encode() writes the id last.
inline const std::string kAnswerProbes =
    R"(sed -un 's/.*"id":\([0-9]*\)[,}].*$/{"probe":{"id":\1,"verdict":"ok","errno":0,"elapsed_ms":3}}/p')";
inline const std::string kEnd = R"(echo '{"end":true}')";

inline std::string result_line(std::uint32_t id) {
  ProbeResult result;
  result.id = id;
  result.verdict = Verdict::ok;
  std::string line = encode(result);
  line.pop_back();
  return line;
}

inline std::string notice_line() {
  std::string line = encode(WorkerNotice{"no Landlock"});
  line.pop_back();
  return line;
}

inline std::string say(const std::string& line) { return "echo '" + line + "'\n"; }

}  // namespace hostspin
