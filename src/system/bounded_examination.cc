#include "bounded_examination.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "owned_fd.h"

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kReportBytesMax = 4U << 20U;
/// For a process that was killed to be gone; one that a dead mount holds stays longer.
constexpr milliseconds kEndWaitMax{100};

enum class Record : char { finding = 'f', at = 'a', end = 'e' };

/// A record is its kind, and fields with their lengths.
void put_field(std::string& record, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::array<char, sizeof size> bytes{};
  std::memcpy(bytes.data(), &size, sizeof size);
  record.append(bytes.data(), bytes.size()).append(text);
}

std::optional<std::string> take_field(std::string_view& rest) {
  std::uint32_t size = 0;
  if (rest.size() < sizeof size) return std::nullopt;
  std::memcpy(&size, rest.data(), sizeof size);
  if (rest.size() - sizeof size < size) return std::nullopt;
  std::string text(rest.substr(sizeof size, size));
  rest.remove_prefix(sizeof size + size);
  return text;
}

void send(int fd, std::string_view record) {
  while (!record.empty()) {
    const ssize_t size = write(fd, record.data(), record.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) _exit(1);  // nobody listens any more
    record.remove_prefix(static_cast<std::size_t>(size));
  }
}

[[noreturn]] void run_child(int fd, const std::function<void(const FindingSink&)>& examine) {
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  (void)std::signal(SIGPIPE, SIG_IGN);
  FindingSink sink;
  sink.add = [fd](const Finding& finding) {
    std::string record(1, static_cast<char>(Record::finding));
    put_field(record, finding.code);
    put_field(record, std::to_string(static_cast<int>(finding.severity)));
    put_field(record, finding.what);
    put_field(record, finding.remedy);
    send(fd, record);
  };
  sink.at = [fd](const std::string& what) {
    std::string record(1, static_cast<char>(Record::at));
    put_field(record, what);
    send(fd, record);
  };
  try {
    examine(sink);
  } catch (...) {  // memory: the missing end says that something is missing
    _exit(1);
  }
  send(fd, std::string(1, static_cast<char>(Record::end)));
  _exit(0);  // what the parent has yet to write is its own
}

/// All that comes until the end of the stream, or the deadline.
std::string receive(int fd, steady_clock::time_point deadline) {
  std::string bytes;
  std::array<char, 65536> piece;
  while (bytes.size() < kReportBytesMax) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) break;
    pollfd wanted{fd, POLLIN, 0};
    const int ready = poll(&wanted, 1, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t size = read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) break;
    bytes.append(piece.data(), static_cast<std::size_t>(size));
  }
  return bytes;
}

struct Report {
  std::vector<Finding> findings;
  std::string at;
  bool complete = false;
};

Report parse_report(std::string_view rest) {
  Report report;
  while (!rest.empty()) {
    const auto kind = static_cast<Record>(rest.front());
    rest.remove_prefix(1);
    if (kind == Record::end) {
      report.complete = true;
      return report;
    }
    std::array<std::optional<std::string>, 4> fields;
    const std::size_t wanted = kind == Record::at ? 1 : fields.size();
    for (std::size_t i = 0; i < wanted; ++i) {
      fields[i] = take_field(rest);
      if (!fields[i]) return report;  // cut off
    }
    if (kind == Record::at) {
      report.at = std::move(*fields[0]);
      continue;
    }
    const int severity = fields[1]->empty() ? 0 : fields[1]->front() - '0';
    report.findings.push_back({std::move(*fields[0]), static_cast<Finding::Severity>(severity),
                               std::move(*fields[2]), std::move(*fields[3])});
  }
  return report;
}

void end_process(pid_t process) {
  (void)kill(process, SIGKILL);
  const auto deadline = steady_clock::now() + kEndWaitMax;
  while (waitpid(process, nullptr, WNOHANG) == 0 && steady_clock::now() < deadline) {
    (void)poll(nullptr, 0, 1);
  }
}

}  // namespace

std::vector<Finding> examine_within(milliseconds limit,
                                    const std::function<void(const FindingSink&)>& examine) {
  const steady_clock::time_point deadline = steady_clock::now() + limit;
  const auto not_checked = [](std::string what) {
    return Finding{"not_checked", Finding::Severity::warning, std::move(what),
                   "run 'hostspin doctor' again; look at the mounts and the disk if it stays so"};
  };
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return {not_checked(std::string("nothing could be looked at: ") + std::strerror(errno))};
  }
  OwnedFd from(ends[0]);
  OwnedFd to(ends[1]);
  const pid_t process = fork();
  if (process < 0) {
    return {not_checked(std::string("nothing could be looked at: ") + std::strerror(errno))};
  }
  if (process == 0) run_child(to.get(), examine);
  to.reset();
  Report report = parse_report(receive(from.get(), deadline));
  end_process(process);
  if (!report.complete) {
    const bool late = steady_clock::now() >= deadline;
    report.findings.push_back(not_checked(
        (late ? "not everything could be looked at within " + std::to_string(limit.count()) + " ms"
              : std::string("the examination ended before its end")) +
        (report.at.empty() ? "" : ": it was at " + quoted(report.at))));
  }
  return std::move(report.findings);
}

}  // namespace hostspin
