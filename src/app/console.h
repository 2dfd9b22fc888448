#pragma once

#include <cstdio>
#include <set>
#include <string>
#include <string_view>

#include "hostspin/report.h"
#include "hostspin/result.h"

namespace hostspin {

enum class OutputFormat { text, json };  // verify has more, see VerifyFormat

/// Where a command speaks: results on standard output, the rest on standard error. Colour and
/// progress only on a terminal, and no colour under NO_COLOR or --no-color.
class Console {
 public:
  Console(std::FILE* out, std::FILE* err);

  void set_quiet(bool quiet) { quiet_ = quiet; }
  void set_verbose(bool verbose) { verbose_ = verbose; }
  void forbid_color() { color_ = false; }
  [[nodiscard]] bool verbose() const { return verbose_; }

  /// Result text as it is, to standard output.
  void print(std::string_view text);
  /// "WARNING: text" on standard output, the one-line verdict every command begins with.
  void verdict(ExitCode code, std::string_view text);
  /// The same as text, with its line feed.
  [[nodiscard]] std::string verdict_line(ExitCode code, std::string_view text) const;
  /// On a terminal `text` in the place of what is on the screen, as much as fits; elsewhere after
  /// what was there, and an empty line.
  void repaint(std::string_view text);

  /// `hostspin: error: …` and `hostspin: hint: …`, one line each.
  void error(const Error& error);
  /// `hostspin: warning: …`; nothing under --quiet.
  void warning(std::string_view text);
  /// `hostspin: …`, only under --verbose, and once: both workers may say the same.
  void note(std::string_view text);

  /// A line that overwrites itself on a terminal's standard error; nothing elsewhere.
  void progress(std::string_view text);
  void end_progress();

  /// False once standard output could not be written (a full disk, a closed pipe).
  [[nodiscard]] bool flush();

  [[nodiscard]] std::string red(std::string_view text) const;
  [[nodiscard]] std::string yellow(std::string_view text) const;
  [[nodiscard]] std::string green(std::string_view text) const;

 private:
  [[nodiscard]] std::string paint(const char* code, std::string_view text) const;
  void say(std::string_view label, std::string_view text);

  std::FILE* out_;
  std::FILE* err_;
  bool quiet_ = false;
  bool verbose_ = false;
  bool color_ = false;
  bool out_terminal_ = false;
  bool progress_terminal_ = false;
  bool progress_shown_ = false;
  std::set<std::string> noted_;
};

}  // namespace hostspin
