#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hostspin {

/// So many repairs within kRevertWindow are a fight with another program.
inline constexpr std::size_t kRevertsInPeace = 5;
inline constexpr std::chrono::milliseconds kRevertWindow{60000};
inline constexpr std::chrono::milliseconds kBackOffFirst{1000};
inline constexpr std::chrono::milliseconds kBackOffMost{60000};

/// How often the block was put back of late, and how long to leave it alone: a file in
/// /run/hostspin that agent and boot guard share, so that two of them do not fight twice as hard.
/// Pure: times are milliseconds of this boot's steady clock.
class Reverts {
 public:
  /// What format() made; anything else, and times ahead of `now` (another boot's), start afresh.
  static Reverts parse(std::string_view text, std::int64_t now);
  [[nodiscard]] std::string format() const;

  /// The block was put back after `writer` had taken it out.
  void note(std::int64_t now, std::string_view writer);
  /// The block was found right: ends a fight that has been over for long enough.
  void settle(std::int64_t now);

  /// How long the block is to be left alone from `now` on; 0 = not at all.
  [[nodiscard]] std::chrono::milliseconds back_off(std::int64_t now) const;
  [[nodiscard]] bool is_fight() const { return delay_ms_ > 0; }
  [[nodiscard]] const std::string& writer() const { return writer_; }
  bool operator==(const Reverts&) const = default;

 private:
  [[nodiscard]] bool is_over(std::int64_t now) const;

  std::vector<std::int64_t> times_;  ///< of the last repairs, oldest first
  std::int64_t delay_ms_ = 0;        ///< the present back-off; 0 = peace
  std::int64_t not_before_ = 0;
  std::string writer_;
};

}  // namespace hostspin
