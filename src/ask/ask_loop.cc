#include "ask_loop.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace hostspin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// What one write() passes: POLLOUT promises room for it, so that a stream which others share need
/// not be made non-blocking.
constexpr std::size_t kWriteBytes = 4096;
constexpr std::size_t kReadBytes = 16384;

int poll_time(steady_clock::time_point limit) {
  const auto left = std::chrono::ceil<milliseconds>(limit - steady_clock::now()).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, std::numeric_limits<int>::max()));
}

std::size_t place_in_queue(const AskRequest& request) {
  switch (request.database) {
    case AskRequest::Database::files:
      return 0;
    case AskRequest::Database::servers:
      return 1;
    case AskRequest::Database::system:
      return request.family == AskRequest::Family::any ? 2 : 3;
    case AskRequest::Database::dns:
      return 4;
  }
  return 4;
}

}  // namespace

void QuestionQueue::push(AskRequest request) {
  by_urgency_[place_in_queue(request)].push_back(std::move(request));
}

std::optional<AskRequest> QuestionQueue::pop() {
  for (std::deque<AskRequest>& questions : by_urgency_) {
    if (questions.empty()) continue;
    AskRequest request = std::move(questions.front());
    questions.pop_front();
    return request;
  }
  return std::nullopt;
}

std::size_t QuestionQueue::size() const {
  std::size_t size = 0;
  for (const std::deque<AskRequest>& questions : by_urgency_) size += questions.size();
  return size;
}

AskLoop::AskLoop(int input, int output, const std::vector<std::string>& notices)
    : input_(input), output_(output) {
  for (const std::string& notice : notices) output_bytes_ += encode(WorkerNotice{notice});
}

Result<void> AskLoop::run() {
  for (;;) {
    const bool is_late = deadline_ && steady_clock::now() >= *deadline_;
    if (!end_said_) {
      if (!is_late) start_questions();
      const bool is_done = deadline_ && input_over_ && waiting_.size() == 0 && running_.empty();
      if (is_late || is_done) say_end();
    }
    if (end_said_ && output_bytes_.empty()) return {};
    Result<void> waited = wait();
    if (!waited) return waited;
  }
}

bool AskLoop::wants_input() const {
  return !input_over_ && !end_said_ && waiting_.size() < kWaitingMax;
}

AskLoop::TimePoint AskLoop::next_moment() const {
  if (!deadline_) return begin_ + kFirstLineLimit;
  if (end_said_) return *deadline_ + kDrainLimit;
  TimePoint moment = *deadline_;
  for (const ResolverChild& child : running_) moment = std::min(moment, child.limit());
  return moment;
}

/// One poll() over the input, the output and the children, and what it brought.
Result<void> AskLoop::wait() {
  std::vector<pollfd> waited;
  waited.push_back({wants_input() ? input_ : -1, POLLIN, 0});
  waited.push_back({output_bytes_.empty() ? -1 : output_, POLLOUT, 0});
  for (const ResolverChild& child : running_) waited.push_back({child.fd(), POLLIN, 0});
  const int ready = poll(waited.data(), waited.size(), poll_time(next_moment()));
  if (ready < 0 && errno != EINTR) {
    return {Errc::internal, std::string("cannot wait: ") + strerror(errno)};
  }
  if (ready < 0) return {};

  std::vector<bool> readable;
  for (std::size_t i = 2; i < waited.size(); ++i) readable.push_back(waited[i].revents != 0);
  collect_or_expire(readable);
  reap_dead();
  if (waited[1].revents != 0) {
    Result<void> written = write_output();
    if (!written) return written;
  }
  if (waited[0].revents != 0) {
    Result<void> read = read_input();
    if (!read) return read;
  }
  const TimePoint now = steady_clock::now();
  if (!deadline_ && now >= begin_ + kFirstLineLimit) {
    return {Errc::worker_failed, "no first line came"};
  }
  if (end_said_ && now >= *deadline_ + kDrainLimit) {
    return {Errc::io_error, "the answers are not read"};
  }
  return {};
}

Result<void> AskLoop::read_input() {
  std::string piece(kReadBytes, '\0');
  const ssize_t size = read(input_, piece.data(), piece.size());
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (size < 0) return {Errc::io_error, std::string("cannot read questions: ") + strerror(errno)};
  input_bytes_.append(piece, 0, static_cast<std::size_t>(size));
  std::size_t taken = 0;
  for (std::size_t end = 0; (end = input_bytes_.find('\n', taken)) != std::string::npos;) {
    Result<void> understood = take(std::string_view(input_bytes_).substr(taken, end - taken));
    if (!understood) return understood;
    taken = end + 1;
  }
  input_bytes_.erase(0, taken);
  if (input_bytes_.size() > kAskLineBytesMax) return {Errc::worker_failed, "a line is too long"};
  if (size > 0) return {};
  if (!input_bytes_.empty()) return {Errc::worker_failed, "the input stops in a line"};
  if (!deadline_) return {Errc::worker_failed, "no first line came"};
  input_over_ = true;
  return {};
}

Result<void> AskLoop::take(std::string_view line) {
  Result<AskInput> input = decode_ask_input(line);
  if (!input) return input.error();
  if (input->deadline.has_value() == deadline_.has_value()) {
    return {Errc::worker_failed, "the first line, and no other, says the deadline"};
  }
  if (input->deadline) {
    deadline_ = steady_clock::now() + *input->deadline;
    return {};
  }
  if (!input->ask) return {Errc::worker_failed, "a line without a question"};
  waiting_.push(*std::move(input->ask));
  return {};
}

void AskLoop::start_questions() {
  while (running_.size() < kRunningMax && output_bytes_.size() < kUnreadBytesMax) {
    const std::optional<AskRequest> request = waiting_.pop();
    if (!request) return;
    Result<ResolverChild> child = ResolverChild::start(*request);
    if (child) {
      running_.push_back(*child);
      continue;
    }
    AskResult result;  // `failed`: no process to be had is no answer about the name
    result.id = request->id;
    output_bytes_ += encode(result);
  }
}

void AskLoop::collect_or_expire(const std::vector<bool>& readable) {
  const TimePoint now = steady_clock::now();
  std::vector<ResolverChild> still_running;
  for (std::size_t i = 0; i < running_.size(); ++i) {
    ResolverChild& child = running_[i];
    if (readable[i]) {
      output_bytes_ += encode(child.collect());
    } else if (now >= child.limit()) {
      output_bytes_ += encode(child.abandon(AskResult::Status::stalled));
    } else {
      still_running.push_back(child);
      continue;
    }
    dead_.push_back(child);
  }
  running_ = std::move(still_running);
}

void AskLoop::say_end() {
  for (ResolverChild& child : running_) {
    output_bytes_ += encode(child.abandon(AskResult::Status::stalled));
  }
  running_.clear();
  while (const std::optional<AskRequest> request = waiting_.pop()) {
    AskResult result;
    result.id = request->id;
    output_bytes_ += encode(result);
  }
  output_bytes_ += encode(WorkerEnd{});
  end_said_ = true;
}

Result<void> AskLoop::write_output() {
  const ssize_t size =
      write(output_, output_bytes_.data(), std::min(output_bytes_.size(), kWriteBytes));
  if (size < 0 && (errno == EINTR || errno == EAGAIN)) return {};
  if (size < 0) return {Errc::io_error, std::string("cannot write answers: ") + strerror(errno)};
  output_bytes_.erase(0, static_cast<std::size_t>(size));
  return {};
}

void AskLoop::reap_dead() {
  dead_.erase(std::remove_if(dead_.begin(), dead_.end(),
                             [](const ResolverChild& child) { return child.reap(); }),
              dead_.end());
}

}  // namespace hostspin
