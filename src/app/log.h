#pragma once

#include <memory>
#include <string_view>

namespace hostspin {

/// The agent's log: one line an event on standard error, with a syslog priority prefix ("<4>")
/// where a service manager reads it, and with a time elsewhere.
class Log {
 public:
  enum class Level { debug, info, warning, error };

  explicit Log(bool verbose);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  void write(Level level, std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hostspin
