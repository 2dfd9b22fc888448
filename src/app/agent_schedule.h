#pragma once

#include <chrono>
#include <cstdint>

namespace hostspin {

/// When the sources are asked next. Random, so that a fleet's requests do not come as one wave,
/// however its machines were started; deterministic from the seed.
class RefreshSchedule {
 public:
  explicit RefreshSchedule(std::uint64_t seed);

  /// The wait before the first cycle, or after the configuration changed: below `splay`.
  std::chrono::milliseconds first(std::chrono::milliseconds splay);
  /// Between `interval` and `interval + splay`.
  std::chrono::milliseconds after_success(std::chrono::milliseconds interval,
                                          std::chrono::milliseconds splay);
  /// Full jitter below a limit that doubles with each failure in a row, up to `interval`.
  std::chrono::milliseconds after_failure(std::chrono::milliseconds interval);

 private:
  std::chrono::milliseconds below(std::chrono::milliseconds most);

  std::uint64_t random_;
  int failures_ = 0;
};

/// The wait before a pass over the hosts file that failed is tried again: short while a passing
/// cause (a full disk, an immutable bit) may go, longer and longer where it stays.
class RetryDelay {
 public:
  std::chrono::milliseconds next();
  void reset() { failures_ = 0; }

 private:
  int failures_ = 0;
};

/// How long after a file event the file is looked at: at once as a rule, and more slowly where
/// somebody writes the file without end, so that this costs no processor. Never as long as a
/// second, whatever came before.
class Debounce {
 public:
  using Time = std::chrono::steady_clock::time_point;
  [[nodiscard]] std::chrono::milliseconds wait(Time now);
  void spend(Time now);  ///< a pass was started because of an event

 private:
  /// Each repair takes two: our own writing is an event as well.
  static constexpr double kPassesAtOnce = 4;

  void refill(Time now);
  double passes_ = kPassesAtOnce;  ///< that may still be started at once
  Time refilled_;
};

}  // namespace hostspin
