#include "forked_program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <string>

#include "catch.h"
#include "worker_scripts.h"

using namespace hostspin;

namespace {

/// A program in a scratch directory, and what it said.
struct World {
  ScratchDirectory directory;
  std::string said_path = directory.path() + "/said";
  int out = open(said_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  std::vector<std::string> words;
  ProgramStart start;
  pid_t child = -1;

  ~World() { close(out); }
  std::string put(const std::string& name, const std::string& text, mode_t mode = 0755) const {
    const std::string path = directory.path() + "/" + name;
    std::ofstream(path) << text;
    REQUIRE(chmod(path.c_str(), mode) == 0);
    return path;
  }
  int run(std::vector<std::string> given) {
    words = std::move(given);
    start.arguments.clear();
    for (std::string& word : words) start.arguments.push_back(word.data());
    start.arguments.push_back(nullptr);
    start.output = out;
    return start_program(start, child);
  }
  [[nodiscard]] int status() const {
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    return status;
  }
  [[nodiscard]] std::string said() const {
    std::ifstream file(said_path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

}  // namespace

TEST_CASE("a program runs with the streams that it is given", "[process]") {
  World world;
  world.start.paths = {"/bin/sh"};
  REQUIRE(world.run({"a-name", "-c", "echo $0; exit 7"}) == 0);
  CHECK(WEXITSTATUS(world.status()) == 7);
  CHECK(world.said() == "a-name\n");
}

TEST_CASE("streams may trade their places", "[process]") {
  World world;
  // What becomes descriptor 1 is 2, and the reverse: the second must not be overwritten by the
  // first.
  world.start.paths = {"/bin/sh"};
  const int saved = fcntl(2, F_DUPFD_CLOEXEC, 10);
  REQUIRE(dup2(world.out, 2) == 2);
  std::vector<std::string> words = {"sh", "-c", "echo out"};
  world.start.arguments = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  world.start.output = 2;
  world.start.diagnostics = 1;
  const int error = start_program(world.start, world.child);
  REQUIRE(dup2(saved, 2) == 2);
  close(saved);
  REQUIRE(error == 0);
  CHECK(world.status() == 0);
  CHECK(world.said() == "out\n");
}

TEST_CASE("the first path that can be run is, and what fails is told", "[process]") {
  World world;
  const std::string none = world.directory.path() + "/none";
  const std::string below = world.put("file", "x", 0600) + "/below";
  const std::string shut = world.put("shut", "#!/bin/sh\necho shut\n", 0600);
  const std::string good = world.put("good", "#!/bin/sh\necho good\n");
  const std::string unfit = world.put("unfit", "echo unfit\n");
  SECTION("what is not there or shut is passed over") {
    world.start.paths = {none.c_str(), below.c_str(), shut.c_str(), good.c_str(), unfit.c_str()};
    REQUIRE(world.run({"x"}) == 0);
    CHECK(world.status() == 0);
    CHECK(world.said() == "good\n");
    return;
  }
  SECTION("none is there") {
    world.start.paths = {none.c_str(), below.c_str()};
    CHECK(world.run({"x"}) == ENOTDIR);
  }
  SECTION("one was there") {
    world.start.paths = {shut.c_str(), none.c_str()};
    CHECK(world.run({"x"}) == EACCES);
  }
  SECTION("no shell is tried on what is no program") {
    world.start.paths = {unfit.c_str(), good.c_str()};
    CHECK(world.run({"x"}) == ENOEXEC);
  }
  CHECK(world.said().empty());
  CHECK(waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left
}

TEST_CASE("signals are as by default where that is asked for", "[process]") {
  World world;
  world.start.default_signals = GENERATE(true, false);
  world.start.paths = {"/bin/grep"};  // a shell unblocks signals by itself
  const auto before_term = signal(SIGTERM, SIG_IGN);
  const auto before_pipe = signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  REQUIRE(sigprocmask(SIG_BLOCK, &blocked, &before) == 0);
  const int error = world.run({"grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"});
  signal(SIGTERM, before_term);
  signal(SIGPIPE, before_pipe);
  REQUIRE(sigprocmask(SIG_SETMASK, &before, nullptr) == 0);
  REQUIRE(error == 0);
  CHECK(world.status() == 0);
  const auto shown = [&](const std::string& field) {
    const std::string text = world.said();
    return std::stoull(text.substr(text.find(field) + field.size()), nullptr, 16);
  };
  const auto bit = [](int number) { return 1ULL << static_cast<unsigned>(number - 1); };
  CHECK(((shown("SigIgn:\t") & bit(SIGTERM)) == 0) == world.start.default_signals);
  CHECK((shown("SigIgn:\t") & bit(SIGPIPE)) == 0);  // ours alone
  CHECK(((shown("SigBlk:\t") & bit(SIGUSR2)) == 0) == world.start.default_signals);
}
