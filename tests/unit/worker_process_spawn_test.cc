// How workers come to be: whose program, which identity, what they inherit.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <thread>

#include "catch.h"
#include "program_paths.h"
#include "worker_identity.h"
#include "worker_process.h"
#include "worker_process_connection.h"
#include "worker_scripts.h"

using namespace hostspin;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST_CASE("a worker starts with nothing of its parent's but three descriptors", "[worker]") {
  const ScratchDirectory directory;
  // Without CLOEXEC, as a library might leave one.
  const int open_fd = fcntl(0, F_DUPFD, 77);
  REQUIRE(open_fd >= 77);
  REQUIRE(setenv("SSLKEYLOGFILE", "/tmp/secrets", 1) == 0);
  directory.put_worker(
      "hostspin-net",
      "env=$(tr '\\0' '\\n' </proc/$$/environ | tr '\\n' ' ')\n"
      "fds=$(for f in /proc/$$/fd/*; do echo ${f##*/}; done | tr '\\n' ' ')\n"
      "echo \"{\\\"notice\\\":\\\"env=$env fds=$fds cwd=$(pwd) uid=$(id -u) groups=$(id -G) "
      "umask=$(umask)\\\"}\"\nsleep 60");
  const Identity identity = *worker_identity();
  WorkerProcess worker(options_in(directory));
  Result<std::unique_ptr<NetSession>> session = worker.start_net(start_within(milliseconds(20000)));
  REQUIRE(session);
  const Result<NetResult> result = (*session)->next(steady_clock::now() + milliseconds(20000));
  unsetenv("SSLKEYLOGFILE");
  close(open_fd);
  REQUIRE(result);
  REQUIRE(result->notice);
  const std::string& text = result->notice->text;
  CHECK_THAT(text, Catch::StartsWith("env=LANG=C TZ=UTC  fds=0 1 "));
  CHECK_THAT(text, !Catch::Contains(" " + std::to_string(open_fd) + " "));
  CHECK_THAT(text, Catch::Contains("cwd=/ "));
  CHECK_THAT(text, Catch::Contains("umask=0077"));
  if (geteuid() == 0) {
    CHECK_THAT(text, Catch::Contains(" uid=" + std::to_string(identity.user) +
                                     " groups=" + std::to_string(identity.group) + " "));
  } else {
    CHECK_THAT(text, Catch::Contains(" uid=" + std::to_string(geteuid()) + " "));
  }
}

TEST_CASE("a missing worker is named with its remedy", "[worker]") {
  const ScratchDirectory directory;
  WorkerProcess worker(options_in(directory));
  const std::size_t fds_before = count_open_fds();
  const auto session = worker.start_net(start_within(milliseconds(1000)));
  REQUIRE_FALSE(session);
  CHECK(session.error().code == Errc::worker_failed);
  CHECK_THAT(session.error().detail, Catch::EndsWith("No such file or directory"));
  CHECK_THAT(session.error().hint, Catch::Contains("hostspin-net is missing"));
  CHECK(count_open_fds() == fds_before);
  CHECK_FALSE(has_child());
}

TEST_CASE("the unit's socket is asked first, over one stream", "[worker]") {
  const ScratchDirectory directory;
  const std::string path = directory.path() + "/net.sock";
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(listener >= 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(listen(listener, 1) == 0);

  WorkerProcessOptions options = options_in(directory);
  options.sockets = true;
  options.net_socket = path;
  WorkerProcess worker(options);
  Result<std::unique_ptr<NetSession>> session = worker.start_net(start_within(milliseconds(20000)));
  REQUIRE(session);  // there is no executable to fall back to
  REQUIRE((*session)->ask(probe_of(5)));
  REQUIRE((*session)->finish());

  const bool dies_early = GENERATE(false, true);
  std::thread peer([&] {
    const int stream = accept(listener, nullptr, nullptr);
    std::string request;
    char piece[4096];
    // To the half-close: everything was sent.
    for (ssize_t size = 0; (size = read(stream, piece, sizeof(piece))) > 0;) {
      request.append(piece, static_cast<std::size_t>(size));
    }
    const std::string answer = dies_early ? "{\"pro" : result_line(5) + "\n{\"end\":true}\n";
    (void)!write(stream, answer.data(), answer.size());
    close(stream);
  });
  const Result<std::vector<NetResult>> results = collect(**session, milliseconds(20000));
  peer.join();
  close(listener);
  if (dies_early) {
    REQUIRE_FALSE(results);
    CHECK(results.error().detail ==
          "hostspin-net stopped in the middle of a line: it closed the connection");
  } else {
    REQUIRE(results);
    CHECK(results->size() == 2);
  }
}

TEST_CASE("root that cannot give up its rights names the socket unit", "[worker]") {
  if (geteuid() != 0) return;  // only root has rights to give up
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", kEnd);
  // In a child: the capabilities are gone for good.
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // As in the units: uid 0 with an empty bounding set, which takes hold at the next exec.
    const std::string self = std::filesystem::read_symlink("/proc/self/exe");
    execl("/usr/bin/setpriv", "setpriv", "--bounding-set=-all", "--inh-caps=-all", self.c_str(),
          "[needs-no-rights]", "--out", "/dev/null", nullptr);
    _exit(99);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a worker is refused without the right to become another user", "[.][needs-no-rights]") {
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", kEnd);
  WorkerProcess worker(options_in(directory));
  const auto session = worker.start_net(start_within(milliseconds(1000)));
  REQUIRE_FALSE(session);
  CHECK(session.error().code == Errc::denied);
  CHECK(session.error().detail ==
        "cannot give up root's rights for hostspin-net: Operation not permitted");
  CHECK_THAT(session.error().hint, Catch::Contains("hostspin-net.socket"));
}

TEST_CASE("workers are looked for in one place", "[worker]") {
  CHECK(libexec_directory_of("/usr/sbin/hostspin") == "/usr/libexec/hostspin");
  CHECK(libexec_directory_of("/usr/sbin/hostspin (deleted)") == "/usr/libexec/hostspin");
  CHECK(libexec_directory_of("/sbin/hostspin") == "/libexec/hostspin");
  CHECK(libexec_directory_of("/hostspin") == "/libexec/hostspin");
  const Result<std::string> own = libexec_directory();
  REQUIRE(own);
  CHECK_THAT(*own, Catch::EndsWith("/libexec/hostspin"));
}
