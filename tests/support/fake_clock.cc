#include "fake_clock.h"

namespace hostspin {

void FakeClock::sleep(std::chrono::nanoseconds time) {
  slept_ += time;
  advance(time);
  if (on_sleep) on_sleep();
}

void FakeClock::advance(std::chrono::nanoseconds time) {
  now_ += std::chrono::duration_cast<std::chrono::system_clock::duration>(time);
  steady_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
}

}  // namespace hostspin
