#include "net_worker.h"

#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "event_loop.h"
#include "hostspin/version.h"
#include "net_conversation.h"
#include "sandbox.h"

namespace hostspin {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitNotSandboxed = 3;

constexpr const char* kHelp =
    R"(hostspin-net: the network half of hostspin; fetches and probes by IP address.

It is started by hostspin, or by systemd for it, and takes no arguments: requests come as
JSON lines on standard input, results go as JSON lines to standard output. It resolves no
name, opens no file and writes none, so its output cannot be a file: use a pipe.

Example: is port 443 of 192.0.2.1 open?

  { echo '{"hostspin-net":2,"deadline_ms":2000}'
    echo '{"probe":{"id":1,"address":"192.0.2.1","check":{"kind":"tcp","port":443}}}'
  } | /usr/libexec/hostspin/hostspin-net | cat

Options:
  --help     this text
  --version  the version
)";

int complain(std::string_view what) {
  std::fprintf(stderr, "hostspin-net: error: %.*s\n", static_cast<int>(what.size()), what.data());
  return kExitUsage;
}

bool is_file(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

int run_net_worker(int argc, char** argv) {
  const std::string_view option = argc == 2 ? argv[1] : "";
  if (option == "--help") {
    std::fputs(kHelp, stdout);
    return kExitOk;
  }
  if (option == "--version") {
    std::printf("hostspin-net %s\n", kVersion);
    return kExitOk;
  }
  if (argc > 1) {
    return complain("it takes no arguments; see hostspin-net --help");
  }
  // The sandbox lets no file grow.
  if (is_file(STDOUT_FILENO)) return complain("standard output is a file; use a pipe");

  Result<std::vector<std::string>> notices = enter_sandbox(Program::net);
  if (!notices) {
    (void)complain(notices.error().detail);
    std::fprintf(stderr, "hostspin-net: hint: %s\n", notices.error().hint.c_str());
    return kExitNotSandboxed;
  }
  // Settings are ours: the host's openssl.cnf, which may not even be readable here, changes none.
  (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);

  Result<EventLoop> loop = EventLoop::make();
  if (!loop) {
    (void)complain(loop.error().detail);
    return kExitFailed;
  }
  NetConversation session(*loop, STDIN_FILENO, STDOUT_FILENO, std::move(*notices));
  if (Result<void> done = session.run(); !done) {
    (void)complain(done.error().detail);
    return kExitFailed;
  }
  return kExitOk;
}

}  // namespace hostspin
