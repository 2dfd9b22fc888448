#include "system_clock.h"

#include <thread>

namespace hostspin {

std::chrono::system_clock::time_point SystemClock::now() const {
  return std::chrono::system_clock::now();
}

std::chrono::steady_clock::time_point SystemClock::steady() const {
  return std::chrono::steady_clock::now();
}

void SystemClock::sleep(std::chrono::nanoseconds time) { std::this_thread::sleep_for(time); }

}  // namespace hostspin
