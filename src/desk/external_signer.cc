#include "external_signer.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "desk_files.h"
#include "forked_program.h"
#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kAnswerBytesMax = 4096;
inline constexpr std::size_t kPkcs11ToolTextBytesMax = 1024;
// signify and minisign: two letters of algorithm, 8 bytes of key number, the signature.
inline constexpr std::size_t kSignifyBytes = 74;
inline constexpr std::size_t kSignifyHeadBytes = 10;

std::optional<Ed25519Signature> copy_of(std::string_view raw) {
  Ed25519Signature signature{};
  if (raw.size() != signature.size()) return std::nullopt;
  std::copy(raw.begin(), raw.end(), signature.begin());
  return signature;
}

std::optional<Ed25519Signature> raw_or_base64(std::string_view bytes) {
  if (auto raw = copy_of(bytes)) return raw;
  const Result<std::string> decoded = decode_base64(trim(bytes));
  return decoded ? copy_of(*decoded) : std::nullopt;
}

std::vector<std::string> with_path(const std::vector<std::string>& words, const std::string& path) {
  std::vector<std::string> result = words;
  bool placed = false;
  for (std::string& word : result) {
    for (std::size_t at = word.find("{}"); at != std::string::npos;
         at = word.find("{}", at + path.size())) {
      word.replace(at, 2, path);
      placed = true;
    }
  }
  if (!placed) result.push_back(path);
  return result;
}

/// Both ends of a pipe, closed when they go.
struct Pipe {
  int ends[2] = {-1, -1};
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    shut(0);
    shut(1);
  }
  void shut(int end) {
    if (ends[end] >= 0) (void)::close(ends[end]);  // a pipe's close loses nothing
    ends[end] = -1;
  }
};

/// Where execvp(3) would look for it.
std::vector<std::string> places_of(const std::string& program) {
  if (program.find('/') != std::string::npos) return {program};
  const char* set = ::getenv("PATH");
  const std::string_view path = set == nullptr ? "/bin:/usr/bin" : set;
  std::vector<std::string> places;
  for (std::size_t from = 0; from <= path.size();) {
    const std::size_t colon = std::min(path.find(':', from), path.size());
    std::string place(path.substr(from, colon - from));
    if (!place.empty()) place += '/';
    places.push_back(place += program);
    from = colon + 1;
  }
  return places;
}

/// Standard output to the pipe; stdin, stderr and the environment are the operator's. 0 or an
/// errno.
int start_signer(std::vector<std::string> words, int out, pid_t& child) {
  const std::vector<std::string> places = places_of(words[0]);
  ProgramStart start;
  for (const std::string& place : places) start.paths.push_back(place.c_str());
  for (std::string& word : words) start.arguments.push_back(word.data());
  start.arguments.push_back(nullptr);
  start.output = out;
  return start_program(start, child);
}

enum class ReadEnd { complete, too_much, too_late };

ReadEnd read_answer(int descriptor, std::string& answer) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(kSignerSecondsMax);
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return ReadEnd::too_late;
    struct pollfd waiting {
      descriptor, POLLIN, 0
    };
    if (::poll(&waiting, 1, static_cast<int>(left)) <= 0) continue;
    char buffer[512];
    const ssize_t got = ::read(descriptor, buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return ReadEnd::complete;
    answer.append(buffer, static_cast<std::size_t>(got));
    if (answer.size() > kAnswerBytesMax) return ReadEnd::too_much;
  }
}

/// pkcs11-tool of OpenSC 0.23 and others feeds longer texts in parts, which tokens refuse for
/// Ed25519.
std::string failure_hint(std::string_view program, std::size_t text_bytes) {
  if (text_bytes > kPkcs11ToolTextBytesMax && program.ends_with("pkcs11-tool")) {
    return "the text has " + std::to_string(text_bytes) +
           " bytes, and pkcs11-tool signs at most 1024 with an Ed25519 key: use a signer that "
           "hands "
           "the token the whole text at once";
  }
  return "what it said stands above; run it by hand on the text to see why";
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return status;
}

}  // namespace

Result<Ed25519Signature> run_signer(const std::vector<std::string>& words, std::string_view text) {
  if (words.empty()) return {Errc::usage, "--signer-cmd is empty", "give it a program to run"};
  const Result<ScratchFile> file = ScratchFile::make(text);
  if (!file) return file.error();

  Pipe pipe;
  if (::pipe2(pipe.ends, O_CLOEXEC) != 0) {
    return {Errc::io_error, std::string("cannot make a pipe: ") + std::strerror(errno)};
  }
  pid_t child = -1;
  const int error = start_signer(with_path(words, file->path()), pipe.ends[1], child);
  if (error != 0) {
    return {Errc::usage, "cannot run signer " + quoted(words[0]) + ": " + std::strerror(error),
            "no shell reads --signer-cmd: give a program and its arguments, separated by blanks"};
  }
  pipe.shut(1);
  std::string answer;
  const ReadEnd end = read_answer(pipe.ends[0], answer);
  if (end != ReadEnd::complete) (void)::kill(child, SIGKILL);  // our own child, not yet waited for
  const int status = wait_for(child);

  if (end == ReadEnd::too_late) {
    return {Errc::timed_out, "signer " + quoted(words[0]) + " gave no answer within 5 minutes",
            "run it by hand on the text ('hostspin-sign text'), then use --import-signature"};
  }
  if (end == ReadEnd::complete && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
    return {
        Errc::usage,
        "signer " + quoted(words[0]) +
            (WIFEXITED(status) ? " failed with exit status " + std::to_string(WEXITSTATUS(status))
                               : " died of signal " + std::to_string(WTERMSIG(status))),
        failure_hint(words[0], text.size())};
  }
  const auto signature = raw_or_base64(answer);
  if (signature && end == ReadEnd::complete) return *signature;
  return {Errc::usage,
          "signer " + quoted(words[0]) + " printed " +
              (answer.empty() ? "nothing" : quoted(answer, 60)) +
              ", which is neither 64 raw bytes nor their base64",
          "make it print the Ed25519 signature alone, for instance with --output text"};
}

Result<Ed25519Signature> read_signature(std::string_view bytes) {
  if (const auto plain = raw_or_base64(bytes)) return *plain;
  const std::vector<std::string_view> lines = lines_of(bytes);
  const Result<std::string> blob =
      decode_base64(lines.size() < 2 ? std::string_view() : trim(lines[1]));
  if (!blob || blob->size() != kSignifyBytes) {
    return {Errc::usage, "it is no signature that is known here",
            "give a signify or minisign signature file, 64 raw bytes, or their base64"};
  }
  if (blob->substr(0, 2) == "ED") {
    return {Errc::usage, "it is a prehashed minisign signature, which is not over the bytes",
            "sign again with 'minisign -S -l'"};
  }
  if (blob->substr(0, 2) != "Ed") {
    return {Errc::usage, "it is not an Ed25519 signature", "sign with an Ed25519 key"};
  }
  return *copy_of(std::string_view(*blob).substr(kSignifyHeadBytes));
}

}  // namespace hostspin::desk
