#pragma once

#include <chrono>
#include <functional>

#include "clock.h"

namespace hostspin {

/// A clock that is set. Sleeping takes no time; `on_sleep` is what happens in the world meanwhile.
class FakeClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point now() const override { return now_; }
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override { return steady_; }
  void sleep(std::chrono::nanoseconds time) override;

  void set(std::chrono::system_clock::time_point now) { now_ = now; }
  void advance(std::chrono::nanoseconds time);
  [[nodiscard]] std::chrono::nanoseconds slept() const { return slept_; }

  std::function<void()> on_sleep;

 private:
  std::chrono::system_clock::time_point now_{std::chrono::seconds(1'767'225'600)};  // 2026-01-01
  std::chrono::steady_clock::time_point steady_{std::chrono::seconds(1000)};
  std::chrono::nanoseconds slept_{0};
};

}  // namespace hostspin
