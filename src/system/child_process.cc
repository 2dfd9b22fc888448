#include "child_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "forked_program.h"
#include "owned_fd.h"

namespace hostspin {
namespace {

Error failed(const char* what, int number) {
  return Error{Errc::io_error, std::string("cannot ") + what + ": " + std::strerror(number)};
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& arguments) {
  // Empty without /dev/null, which the units shut. Made first, so that it takes a free 0 by itself.
  std::array<int, 2> empty{};
  if (pipe2(empty.data(), O_CLOEXEC) != 0) return failed("make a pipe", errno);
  const OwnedFd input(empty[0]);
  (void)close(empty[1]);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return failed("make a pipe", errno);
  OwnedFd output(ends[0]);
  const OwnedFd theirs(ends[1]);
  // Our end alone: a child that says much waits until it was read.
  (void)fcntl(output.get(), F_SETFL, O_NONBLOCK);

  constexpr const char* kOurselves = "/proc/self/exe";
  std::array<char, 4096> own{};
  const ssize_t size = readlink(kOurselves, own.data(), own.size());
  std::string name =
      size > 0 ? std::string(own.data(), static_cast<std::size_t>(size)) : "hostspin";
  std::vector<std::string> copies = arguments;
  ProgramStart start;
  start.paths = {kOurselves};
  start.arguments.push_back(name.data());
  for (std::string& argument : copies) start.arguments.push_back(argument.data());
  start.arguments.push_back(nullptr);
  start.input = input.get();
  start.output = theirs.get();
  start.diagnostics = theirs.get();
  start.default_signals = true;

  pid_t pid = 0;
  if (const int error = start_program(start, pid); error != 0)
    return failed("start a child process", error);
  return ChildProcess(pid, std::move(output));
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::move(other.output_)),
      text_(std::move(other.text_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ <= 0) return;
  (void)::kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

bool ChildProcess::read_output() {
  std::array<char, 4096> buffer{};
  while (true) {
    const ssize_t got = read(output_.get(), buffer.data(), buffer.size());
    if (got == 0) return true;
    if (got < 0) return errno != EAGAIN && errno != EINTR;
    const std::size_t room = kChildOutputBytesMax - text_.size();
    text_.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
  }
}

std::optional<int> ChildProcess::poll_exit() {
  if (pid_ <= 0) return std::nullopt;
  int status = 0;
  const pid_t got = waitpid(pid_, &status, WNOHANG);
  if (got == 0 || (got < 0 && errno == EINTR)) return std::nullopt;
  pid_ = -1;
  if (got < 0) return 255;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void ChildProcess::terminate() {
  if (pid_ > 0) (void)::kill(pid_, SIGTERM);
}

void ChildProcess::kill() {
  if (pid_ > 0) (void)::kill(pid_, SIGKILL);
}

}  // namespace hostspin
