#include "passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace hostspin::desk {
namespace {

volatile std::sig_atomic_t caught_signal = 0;

extern "C" void remember_signal(int number) { caught_signal = number; }

/// Catches what would end the program while the terminal does not echo, so that the terminal
/// can be put right first; the signal is raised again afterwards.
class SignalsHeld {
 public:
  SignalsHeld() {
    caught_signal = 0;
    struct sigaction action {};
    action.sa_handler = remember_signal;  // without SA_RESTART: read() must return
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      (void)::sigaction(kSignals.at(i), &action, &old_.at(i));  // fails only for a bad number
    }
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;
  ~SignalsHeld() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      (void)::sigaction(kSignals.at(i), &old_.at(i), nullptr);
    }
    if (caught_signal != 0) (void)std::raise(caught_signal);
  }

 private:
  static constexpr std::array<int, 4> kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  std::array<struct sigaction, 4> old_{};
};

class Terminal {
 public:
  Terminal() : descriptor_(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)) {}
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (descriptor_ >= 0) (void)::close(descriptor_);  // nothing is buffered
  }
  [[nodiscard]] bool valid() const { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  void say(std::string_view text) const {
    const ssize_t done = ::write(descriptor_, text.data(), text.size());
    (void)done;  // a prompt that cannot be shown leaves reading to report the terminal's trouble
  }

 private:
  int descriptor_;
};

/// One line without its LF, read byte by byte so that the next reader of the descriptor finds the
/// next line.
Result<Secret> read_line(int descriptor, std::string_view where) {
  Secret line;
  for (;;) {
    char byte = 0;
    const ssize_t got = ::read(descriptor, &byte, 1);
    if (got < 0 && errno == EINTR && caught_signal == 0) continue;
    if (got < 0) {
      return {Errc::io_error,
              "cannot read the passphrase from " + std::string(where) + ": " + std::strerror(errno),
              "open the descriptor for reading, as in: --passphrase-fd 3 3< FILE"};
    }
    if (got == 0 || byte == '\n') break;
    if (line.view().size() == kPassphraseBytesMax || !line.append({&byte, 1})) {
      return {Errc::usage, "the passphrase is longer than 1024 bytes", "use a shorter one"};
    }
  }
  return line;
}

Result<Secret> read_terminal(std::string_view prompt) {
  const Terminal terminal;
  if (!terminal.valid()) {
    return {Errc::usage, "there is no terminal to ask for the passphrase",
            "hand it over on a descriptor: --passphrase-fd N"};
  }
  struct termios old {};
  if (::tcgetattr(terminal.descriptor(), &old) != 0) {
    return {Errc::io_error, std::string("cannot ask for the passphrase: ") + std::strerror(errno),
            "hand it over on a descriptor: --passphrase-fd N"};
  }
  struct termios silent = old;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);

  const SignalsHeld held;
  (void)::tcsetattr(terminal.descriptor(), TCSAFLUSH, &silent);  // at worst it echoes
  terminal.say(prompt);
  Result<Secret> line = read_line(terminal.descriptor(), "the terminal");
  (void)::tcsetattr(terminal.descriptor(), TCSAFLUSH, &old);
  terminal.say("\n");
  return line;
}

}  // namespace

Result<Secret> ask_passphrase(const PassphraseSource& source, std::string_view what) {
  if (source.descriptor) {
    return read_line(*source.descriptor, "descriptor " + std::to_string(*source.descriptor));
  }
  return read_terminal("Passphrase of " + std::string(what) + ": ");
}

Result<Secret> ask_new_passphrase(const PassphraseSource& source, std::string_view what) {
  Result<Secret> first = source.descriptor
                             ? ask_passphrase(source, what)
                             : read_terminal("New passphrase for " + std::string(what) + ": ");
  if (!first) return first;
  if (first->empty()) {
    return {Errc::usage, "the passphrase is empty",
            "type one, or say --no-passphrase to keep the key unencrypted"};
  }
  if (source.descriptor) return first;
  const Result<Secret> again = read_terminal("The same again: ");
  if (!again) return again.error();
  if (!first->equals(*again)) {
    return {Errc::usage, "the two passphrases differ",
            "run the command again; nothing was written"};
  }
  return first;
}

}  // namespace hostspin::desk
