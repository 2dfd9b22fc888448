#include "termination_hold.h"

#include <utility>

namespace hostspin {

TerminationHold::TerminationHold() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  holds_ = pthread_sigmask(SIG_BLOCK, &set, &before_) == 0;
}

TerminationHold::TerminationHold(TerminationHold&& other) noexcept
    : before_(other.before_), holds_(std::exchange(other.holds_, false)) {}

TerminationHold::~TerminationHold() {
  if (holds_) (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace hostspin
