#include "console.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace hostspin::desk {
namespace {

void write_to(std::FILE* stream, std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stream);  // finish() asks ferror() for stdout
}

bool wants_color(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  if (no_color != nullptr && *no_color != '\0') return false;
  if (term == nullptr || std::string_view(term) == "dumb") return false;
  return ::isatty(descriptor) == 1;
}

}  // namespace

bool is_about_document(Errc code) {
  switch (code) {
    case Errc::bad_note:
    case Errc::bad_key:
    case Errc::bad_signature:
    case Errc::too_few_signatures:
    case Errc::bad_root:
    case Errc::bad_manifest:
    case Errc::wrong_fleet:
    case Errc::wrong_epoch:
    case Errc::rollback:
    case Errc::equivocation:
    case Errc::expired:
    case Errc::root_expired:
    case Errc::root_withheld:
    case Errc::name_not_allowed:
    case Errc::address_not_allowed:
    case Errc::block_too_large:
      return true;
    case Errc::damaged_markers:
    case Errc::hosts_too_large:
    case Errc::bind_mount:
    case Errc::immutable:
    case Errc::read_only:
    case Errc::disk_full:
    case Errc::denied:
    case Errc::foreign_owner:
    case Errc::writer_busy:
    case Errc::symlink_refused:
    case Errc::not_found:
    case Errc::io_error:
    case Errc::busy:
    case Errc::held:
    case Errc::bad_config:
    case Errc::no_trust_root:
    case Errc::no_sources:
    case Errc::usage:
    case Errc::fetch_failed:
    case Errc::worker_failed:
    case Errc::timed_out:
    case Errc::internal:
      return false;
  }
  return false;
}

Console::Console() { configure({}); }

void Console::configure(const Options& options) {
  options_ = options;
  color_out_ = options.color && wants_color(STDOUT_FILENO);
  color_err_ = options.color && wants_color(STDERR_FILENO);
}

void Console::result(std::string_view text) { write_to(stdout, text); }

void Console::error(const Error& error) {
  message("error", "31", error.detail);
  // Default hints speak of the desk only where they are about documents.
  if (is_about_document(error.code) || !error.hint.empty()) return hint(error.advice());
  hint(error.code == Errc::internal ? "this is a fault of hostspin-sign: please report it"
                                    : "see 'hostspin-sign --help' and hostspin-sign(1)");
}

void Console::warning(std::string_view text) { message("warning", "33", text); }

void Console::hint(std::string_view text) { message("hint", "36", text); }

void Console::note(std::string_view text) {
  if (!options_.quiet) show(text);
}

void Console::show(std::string_view text) { prompt(std::string(text) + "\n"); }

void Console::prompt(std::string_view text) {
  (void)std::fflush(stdout);  // so that both streams read in order on a terminal
  write_to(stderr, text);
}

std::string Console::paint(std::string_view color, std::string_view text) const {
  if (!color_out_) return std::string(text);
  return "\x1b[" + std::string(color) + "m" + std::string(text) + "\x1b[0m";
}

bool Console::finish() { return std::fflush(stdout) == 0 && std::ferror(stdout) == 0; }

void Console::message(std::string_view label, std::string_view color, std::string_view text) {
  (void)std::fflush(stdout);  // so that both streams read in order on a terminal
  std::string line = "hostspin-sign: ";
  if (color_err_) line += "\x1b[" + std::string(color) + "m";
  line += label;
  line += ":";
  if (color_err_) line += "\x1b[0m";
  line += " ";
  line += text;
  line += "\n";
  write_to(stderr, line);
}

}  // namespace hostspin::desk
