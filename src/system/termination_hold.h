#pragma once

#include <csignal>

namespace hostspin {

/// For as long as it lives, signals that end a process wait; they come right after. For work that
/// must not be left half done. A child that is started meanwhile has to set its own mask.
class TerminationHold {
 public:
  TerminationHold();
  TerminationHold(TerminationHold&& other) noexcept;
  TerminationHold& operator=(TerminationHold&&) = delete;
  ~TerminationHold();

 private:
  sigset_t before_{};
  bool holds_ = false;
};

}  // namespace hostspin
