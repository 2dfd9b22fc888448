#include "review.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kDigestDigits = 64;
inline constexpr std::size_t kAnswerBytesMax = 64;

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// Whether what was shown is seen by somebody who can answer.
bool has_terminal() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

/// One line from the terminal; what is typed beyond kAnswerBytesMax is no "yes" anyway.
std::string read_answer() {
  std::string answer;
  for (;;) {
    char byte = 0;
    const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || byte == '\n') return answer;
    if (answer.size() < kAnswerBytesMax) answer += byte;
  }
}

}  // namespace

void show(const Review& review, Console& console) {
  console.show(review.heading);
  for (const std::string& line : review.content) console.show("  " + line);
  if (review.compared_with.empty()) {
    console.show("changes: not known, since there is no complete note to compare with");
  } else if (review.changes.empty()) {
    console.show("changes against " + review.compared_with + ": none");
  } else {
    console.show("changes against " + review.compared_with + ":");
    const std::string rendered = render(review.changes, console);
    for (const std::string_view line : lines_of(rendered)) {
      console.show("  " + std::string(line));
    }
  }
  console.show(review.findings.empty() ? "findings: none" : "findings:");
  for (const Finding& finding : review.findings) {
    console.show("  " + render(finding, console));
  }
  console.show("sha256 of the text: " + review.digest);
}

void Consent::declare(OptionSet& options) {
  options.flag("--yes", yes);
  options.option("--sha256", digest);
  options.exclusive("--yes", "--sha256");
}

Result<void> Consent::check() const {
  const bool is_digest =
      digest.size() == kDigestDigits && std::all_of(digest.begin(), digest.end(), [](char c) {
        return std::isxdigit(static_cast<unsigned char>(c)) != 0;
      });
  if (digest.empty() || is_digest) return {};
  return {Errc::usage, quoted(digest) + " is no SHA-256 digest",
          "give all 64 hex digits that 'hostspin-sign check' or 'sign' printed for the text"};
}

Result<void> Consent::ask(const Review& review, Console& console) const {
  if (yes) return {};
  if (!digest.empty()) {
    if (lower_case(digest) == review.digest) return {};
    return {
        Errc::bad_note,
        "the text's SHA-256 is " + review.digest + ", not the one that was agreed to",
        "it is another text than the one that was reviewed: look at the changes above, and find "
        "out who changed it"};
  }
  if (!has_terminal()) {
    return {Errc::usage, "nobody has agreed to sign what is shown above",
            "read it, then say --sha256 " + review.digest + ", or --yes to sign whatever is there"};
  }
  (void)::tcflush(STDIN_FILENO, TCIFLUSH);  // what was typed before this was shown is no answer
  console.prompt("Sign this text? Type yes: ");
  if (trim(read_answer()) == "yes") return {};
  return {Errc::usage, "not signed: the answer was not yes", "nothing was written"};
}

}  // namespace hostspin::desk
