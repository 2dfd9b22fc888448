#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hostspin/result.h"
#include "owned_fd.h"

namespace hostspin {

/// How much of a child's output is kept; the rest is read and dropped, so that it never blocks.
inline constexpr std::size_t kChildOutputBytesMax = 262144;

/// A child of our own executable, with its two outputs on one pipe and an empty standard input.
class ChildProcess {
 public:
  /// Runs this very program with `arguments` (without the program's name).
  static Result<ChildProcess> start(const std::vector<std::string>& arguments);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();  ///< kills and reaps

  /// For poll(2): readable when there is output or the child has closed it.
  [[nodiscard]] int output_fd() const { return output_.get(); }
  /// Reads what is there. True once the output has ended.
  bool read_output();
  /// The exit code (128 + signal for a killed child) once the child has ended; never blocks.
  std::optional<int> poll_exit();
  void terminate();
  void kill();

  [[nodiscard]] const std::string& output() const { return text_; }

 private:
  ChildProcess(pid_t pid, OwnedFd output) : pid_(pid), output_(std::move(output)) {}
  pid_t pid_;
  OwnedFd output_;
  std::string text_;
};

}  // namespace hostspin
