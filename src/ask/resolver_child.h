#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "hostspin/worker_lines.h"

namespace hostspin {

inline constexpr std::size_t kAnswerAddressesMax = 64;
/// A question that takes longer is one whose asker would be left hanging: it is `stalled`.
inline constexpr std::chrono::milliseconds kQuestionLimit{1500};

/// What getaddrinfo() said, by its return value.
[[nodiscard]] AskResult::Status status_of_getaddrinfo(int code);

/// A question under way in a child process, which is the only place where the resolver runs: it
/// ends soon after kQuestionLimit or with its parent, and what it configures is its own.
class ResolverChild {
 public:
  /// Errc::internal where no child can be made.
  static Result<ResolverChild> start(const AskRequest& request);

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::chrono::steady_clock::time_point limit() const {
    return begin_ + kQuestionLimit;
  }

  /// The answer of a child whose fd is readable or at its end; `failed` if it died without a whole
  /// one.
  AskResult collect();
  /// Leaves the child to its end; the answer is `status`.
  AskResult abandon(AskResult::Status status);

  /// Tries to reap the child, whose answer has been taken; false while it is not dead yet.
  [[nodiscard]] bool reap() const;

 private:
  ResolverChild(std::uint32_t id, pid_t child, int fd)
      : id_(id), child_(child), fd_(fd), begin_(std::chrono::steady_clock::now()) {}
  AskResult answer(AskResult::Status status);

  std::uint32_t id_;
  pid_t child_;
  int fd_;
  std::chrono::steady_clock::time_point begin_;
};

/// What a child wrote, as an answer to `id`; `failed` for anything but a whole, well-formed record.
[[nodiscard]] AskResult decode_child_answer(std::uint32_t id, std::string_view bytes);

}  // namespace hostspin
