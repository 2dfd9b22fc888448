#pragma once

#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin::desk {

/// Whether `code` is about a document's content: clients would refuse it too.
[[nodiscard]] bool is_about_document(Errc code);

/// Where a command's words go: results to standard output, everything else to standard error, one
/// line a message. Colour only where a terminal shows it.
class Console {
 public:
  struct Options {
    bool color = true;  ///< false for --no-color
    bool quiet = false;
    bool json = false;
  };
  Console();
  void configure(const Options& options);

  /// Standard output, as it is: the caller ends its lines.
  void result(std::string_view text);
  /// A failure and what to do about it.
  void error(const Error& error);
  void warning(std::string_view text);
  void hint(std::string_view text);
  /// Progress and what was done; --quiet leaves it out.
  void note(std::string_view text);
  /// What a person must have seen before agreeing to something: on standard error, --quiet or not.
  void show(std::string_view text);
  /// A question, without a line end.
  void prompt(std::string_view text);

  [[nodiscard]] bool json() const { return options_.json; }
  /// `text` in a colour of the terminal ("31" is red), or as it is where standard output is none.
  [[nodiscard]] std::string paint(std::string_view color, std::string_view text) const;
  /// Whether all of standard output was written; false on a full disk or a closed pipe.
  [[nodiscard]] bool finish();

 private:
  void message(std::string_view label, std::string_view color, std::string_view text);

  Options options_;
  bool color_out_ = false;
  bool color_err_ = false;
};

}  // namespace hostspin::desk
