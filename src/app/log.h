#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "events.h"

namespace hostspin {

/// The agent's log, one entry an event: structured in the journal where systemd runs it; on
/// standard error elsewhere, as text or as one JSON object a line.
class Log {
 public:
  enum class Format { journal, text, json };

  /// "auto" chooses the journal where standard error leads there anyway, else text. `root` is where
  /// the journal's socket is looked for.
  Log(std::string_view format, LogLevel most, std::string root);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  void write(const Event& event);
  void warning(std::string_view text);
  void debug(std::string_view text);

 private:
  void put_text(LogLevel level, std::string_view text);
  void put(LogLevel level, const JournalFields& fields);
  void put_line(LogLevel level, const std::string& line);

  struct Lines;
  std::unique_ptr<Lines> lines_;
  LogLevel most_;
  Format format_ = Format::text;
  bool under_manager_ = false;  ///< standard error is the journal's: lines carry "<4>"
  Journal journal_;
};

}  // namespace hostspin
