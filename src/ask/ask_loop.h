#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/result.h"
#include "hostspin/worker_lines.h"
#include "resolver_child.h"

namespace hostspin {

inline constexpr std::size_t kRunningMax = 32;
/// Questions read ahead; beyond it the input waits in its stream.
inline constexpr std::size_t kWaitingMax = 4096;
/// Answers that the reader has not taken; beyond it no further question is asked.
inline constexpr std::size_t kUnreadBytesMax = 256U << 10U;
inline constexpr std::size_t kAskLineBytesMax = 4096;
/// How long the first line may take to come, and the last answers to be taken.
inline constexpr std::chrono::milliseconds kFirstLineLimit{10000};
inline constexpr std::chrono::milliseconds kDrainLimit{1000};

/// Questions not asked yet. The hosts file cannot stall, so it is asked first; then the system
/// about whole names; then what a dead DNS leaves hanging, so that it costs the other answers
/// nothing.
class QuestionQueue {
 public:
  void push(AskRequest request);
  std::optional<AskRequest> pop();
  [[nodiscard]] std::size_t size() const;

 private:
  std::array<std::deque<AskRequest>, 5> by_urgency_;
};

/// One session of hostspin-ask on two descriptors, which may be the two directions of one socket.
class AskLoop {
 public:
  /// `notices` are told first.
  AskLoop(int input, int output, const std::vector<std::string>& notices = {});

  /// Until everything is answered or the deadline has passed, and the end line is out. At the
  /// deadline what is being asked is `stalled`, what was not asked `failed`. Errc::io_error where
  /// the reader is gone, Errc::worker_failed where the input breaks the protocol.
  Result<void> run();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  Result<void> wait();
  Result<void> read_input();
  Result<void> take(std::string_view line);
  void start_questions();
  void collect_or_expire(const std::vector<bool>& readable);
  void say_end();
  Result<void> write_output();
  void reap_dead();

  [[nodiscard]] bool wants_input() const;
  [[nodiscard]] TimePoint next_moment() const;

  int input_;
  int output_;
  TimePoint begin_ = std::chrono::steady_clock::now();
  std::optional<TimePoint> deadline_;
  bool input_over_ = false;
  bool end_said_ = false;
  std::string input_bytes_;
  std::string output_bytes_;
  QuestionQueue waiting_;
  std::vector<ResolverChild> running_;
  std::vector<ResolverChild> dead_;  ///< answered, not reaped yet
};

}  // namespace hostspin
