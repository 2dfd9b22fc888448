#pragma once

#include "clock.h"

namespace hostspin {

/// This machine's clocks.
class SystemClock final : public Clock {
 public:
  [[nodiscard]] std::chrono::system_clock::time_point now() const override;
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const override;
  /// The whole time, whatever signals arrive; callers that must wake up wait on something else.
  void sleep(std::chrono::nanoseconds time) override;
};

}  // namespace hostspin
