#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "doctor.h"

namespace hostspin {

/// What an examination tells while it is made.
struct FindingSink {
  std::function<void(const Finding&)> add;
  std::function<void(const std::string& what)> at;  ///< what is looked at next
};

/// Makes an examination in a process of its own, which is ended after `limit`: a file on a mount
/// that does not answer would keep this one for ever. What was found until then is kept, and a
/// finding `not_checked` says what was being looked at.
[[nodiscard]] std::vector<Finding> examine_within(
    std::chrono::milliseconds limit, const std::function<void(const FindingSink&)>& examine);

}  // namespace hostspin
