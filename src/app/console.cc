#include "console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace hostspin {

Console::Console(std::FILE* out, std::FILE* err) : out_(out), err_(err) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || std::string_view(term) == "dumb";
  out_terminal_ = isatty(fileno(out)) == 1 && !dumb;
  color_ = out_terminal_ && (no_color == nullptr || *no_color == '\0');
  progress_terminal_ = isatty(fileno(err)) == 1 && !dumb;
}

void Console::print(std::string_view text) {
  end_progress();
  (void)std::fwrite(text.data(), 1, text.size(), out_);  // flush() reports what went wrong
}

void Console::verdict(ExitCode code, std::string_view text) { print(verdict_line(code, text)); }

std::string Console::verdict_line(ExitCode code, std::string_view text) const {
  const std::string_view word = exit_code_word(code);
  std::string line;
  switch (code) {
    case ExitCode::ok:
      line = green(word);
      break;
    case ExitCode::attention:
      line = yellow(word);
      break;
    case ExitCode::critical:
      line = red(word);
      break;
    case ExitCode::unknown:
      line = yellow(word);
      break;
  }
  return line.append(": ").append(text).append("\n");
}

void Console::repaint(std::string_view text) {
  if (!out_terminal_) {
    print(text);
    print("\n");
    (void)flush();  // the caller asks again at its end
    return;
  }
  constexpr std::size_t kRowsUnknown = 24;
  winsize size{};
  const bool known = ioctl(fileno(out_), TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
  const std::size_t rows = (known ? size.ws_row : kRowsUnknown) - 1;
  std::string screen = "\033[H";
  for (std::size_t row = 0; row < rows && !text.empty(); ++row) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    screen.append(text.substr(0, end)).append("\033[K\n");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  print(screen + "\033[J");
  (void)flush();
}

void Console::say(std::string_view label, std::string_view text) {
  end_progress();
  std::string line = "hostspin: ";
  line.append(label).append(text).append("\n");
  (void)std::fwrite(line.data(), 1, line.size(), err_);  // nowhere left to report it
}

void Console::error(const Error& error) {
  say("error: ", error.detail);
  if (!error.advice().empty()) say("hint: ", error.advice());
}

void Console::warning(std::string_view text) {
  if (!quiet_) say("warning: ", text);
}

void Console::note(std::string_view text) {
  if (verbose_ && noted_.emplace(text).second) say("", text);
}

void Console::progress(std::string_view text) {
  if (!progress_terminal_ || quiet_) return;
  std::fprintf(err_, "\r\033[K%.*s", static_cast<int>(text.size()), text.data());
  std::fflush(err_);
  progress_shown_ = true;
}

void Console::end_progress() {
  if (!progress_shown_) return;
  std::fputs("\r\033[K", err_);
  std::fflush(err_);
  progress_shown_ = false;
}

bool Console::flush() { return std::fflush(out_) == 0 && std::ferror(out_) == 0; }

std::string Console::paint(const char* code, std::string_view text) const {
  if (!color_) return std::string(text);
  return std::string("\033[") + code + "m" + std::string(text) + "\033[0m";
}

std::string Console::red(std::string_view text) const { return paint("1;31", text); }
std::string Console::yellow(std::string_view text) const { return paint("1;33", text); }
std::string Console::green(std::string_view text) const { return paint("1;32", text); }

}  // namespace hostspin
