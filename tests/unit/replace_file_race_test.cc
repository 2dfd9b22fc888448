// Real processes edit a real file while it is replaced again and again.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <set>

#include "catch.h"
#include "hosts_sample.h"
#include "posix_file_system.h"
#include "replace_file.h"
#include "system_clock.h"

using namespace hostspin;
namespace stdfs = std::filesystem;

namespace {

constexpr int kReplacements = 40;
constexpr int kLinesMax = 20000;  // a writer's own end, should the test die

/// Shared with the writers.
struct Board {
  std::atomic<bool> stop = false;
  std::array<std::atomic<int>, 3> written{};
};

std::string line_of(int writer, int number) {
  return "10.8." + std::to_string(writer) + ".1 w" + std::to_string(writer) + "n" +
         std::to_string(number) + ".example";
}

/// One appender, as a shell's `>>` is, or one that keeps the file open for a while before it
/// writes.
[[noreturn]] void run_writer(const std::string& path, int writer, bool slow, Board& board) {
  for (int number = 0; number < kLinesMax && !board.stop; ++number) {
    const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    if (file < 0) ::_exit(1);
    if (slow) ::usleep(2000);
    const std::string line = line_of(writer, number) + "\n";
    if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(1);
    ::close(file);
    ++board.written[static_cast<std::size_t>(writer)];
    ::usleep(20000);
  }
  ::_exit(0);
}

std::multiset<std::string> lines_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::multiset<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.insert(line);
  return lines;
}

}  // namespace

TEST_CASE("no line of another writer is lost", "[posix][race]") {
  std::string root = (stdfs::temp_directory_path() / "hostspin-race-XXXXXX").string();
  REQUIRE(::mkdtemp(root.data()) != nullptr);
  for (const char* directory : {"/etc", "/run/hostspin", "/var/lib/hostspin"})
    stdfs::create_directories(root + directory);
  const std::string path = root + "/etc/hosts";
  std::ofstream(path) << kSampleHosts;

  void* shared =
      ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  Board& board = *new (shared) Board;

  constexpr std::array<bool, 3> kSlow{false, true, true};
  std::vector<pid_t> writers;
  for (std::size_t i = 0; i < kSlow.size(); ++i) {
    const pid_t child = ::fork();
    if (child == 0) run_writer(path, static_cast<int>(i), kSlow[i], board);
    REQUIRE(child > 0);
    writers.push_back(child);
  }

  PosixFileSystem fs;
  SystemClock clock;
  int replaced = 0;
  int rebases = 0;
  for (int round = 0; round < kReplacements; ++round) {
    ReplaceRequest request;
    request.root = root;
    request.state_directory = "/var/lib/hostspin";
    const std::string block = make_block(sample_pins(), round + 1);
    request.edit = [&](std::string_view bytes, bool) -> Result<std::optional<Pieces>> {
      Result<Plan> plan = plan_apply(bytes, block, sample_pins(), ConflictPolicy::report);
      if (!plan) return std::move(plan).error();
      return std::optional<Pieces>(std::move(plan->after));
    };
    const Result<ReplaceOutcome> done = replace_file(fs, clock, request);
    if (done) {
      ++replaced;
      rebases += done->rebases;
      CHECK_FALSE(done->writer_busy);
      CHECK(done->left_overs.empty());
    } else {  // they were faster six times running: the file is theirs, and the next round comes
      CHECK(done.error().code == Errc::writer_busy);
    }
  }
  board.stop = true;
  for (const pid_t writer : writers) {
    int status = -1;
    CHECK(::waitpid(writer, &status, 0) == writer);
    CHECK(status == 0);
  }

  const std::multiset<std::string> lines = lines_of(path);
  std::size_t lost = 0;
  std::size_t doubled = 0;
  for (std::size_t writer = 0; writer < kSlow.size(); ++writer)
    for (int number = 0; number < board.written[writer]; ++number) {
      const std::size_t count = lines.count(line_of(static_cast<int>(writer), number));
      lost += count == 0 ? 1U : 0U;
      doubled += count > 1 ? 1U : 0U;
    }
  CAPTURE(replaced, rebases, board.written[0].load(), board.written[1].load());
  CHECK(lost == 0);
  CHECK(doubled == 0);
  CHECK(replaced > 0);
  for (const std::atomic<int>& count : board.written) CHECK(count > 0);
  CHECK(lines.count("# END hostspin") == 1);
  CHECK_FALSE(stdfs::exists(path + std::string(kTempSuffix)));
  stdfs::remove_all(root);
  REQUIRE(::munmap(shared, sizeof(Board)) == 0);
}
