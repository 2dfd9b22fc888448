#pragma once

#include <chrono>

namespace hostspin {

/// Time as the program sees it: the wall clock is judged (it may be wrong), the steady one is waited on.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual std::chrono::system_clock::time_point now() const = 0;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const = 0;
  virtual void sleep(std::chrono::nanoseconds time) = 0;
};

}  // namespace hostspin
