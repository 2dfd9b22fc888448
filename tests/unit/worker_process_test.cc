#include "worker_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <string>

#include "catch.h"
#include "worker_scripts.h"

using namespace hostspin;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

FetchRequest fetch_of(std::uint32_t id) {
  FetchRequest request;
  request.id = id;
  request.url = "http://192.0.2.1/manifest.note";
  request.body_bytes_max = 16;
  return request;
}

std::string fetch_line(std::uint32_t id, const std::string& body) {
  FetchResult result;
  result.id = id;
  result.outcome = FetchOutcome::ok;
  result.status = 200;
  result.body = body;
  std::string line = encode(result);
  line.pop_back();
  return line;
}

struct HostileCase {
  std::string name;
  std::string script;
  std::string expected;  ///< in the error's detail
};

}  // namespace

TEST_CASE("a worker's answers arrive checked, and its end once", "[worker]") {
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", say(notice_line()) + "cat >/dev/null\n" +
                                           say(fetch_line(9, "sixteen bytes ok")) +
                                           say(result_line(7)) + kEnd);
  const std::size_t fds_before = count_open_fds();
  {
    WorkerProcess worker(options_in(directory));
    Result<std::unique_ptr<NetSession>> session =
        worker.start_net(start_within(milliseconds(5000)));
    REQUIRE(session);
    REQUIRE((*session)->ask(probe_of(7)));
    REQUIRE((*session)->ask(fetch_of(9)));
    CHECK((*session)->ask(probe_of(7)).error().code == Errc::internal);
    REQUIRE((*session)->finish());
    CHECK((*session)->ask(probe_of(8)).error().code == Errc::internal);
    const Result<std::vector<NetResult>> results = collect(**session, milliseconds(5000));
    REQUIRE(results);
    REQUIRE(results->size() == 4);
    CHECK(results->at(0).notice->text == "no Landlock");
    CHECK(results->at(1).fetch->body == "sixteen bytes ok");
    CHECK(results->at(2).probe->id == 7);
    CHECK(results->at(3).end);
  }
  CHECK(count_open_fds() == fds_before);
  CHECK_FALSE(has_child());
}

TEST_CASE("ten thousand requests and their answers pass each other", "[worker]") {
  constexpr std::uint32_t kRequests = 10000;
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", kAnswerProbes + "\n" + kEnd);
  WorkerProcess worker(options_in(directory));
  Result<std::unique_ptr<NetSession>> session = worker.start_net(start_within(milliseconds(60000)));
  REQUIRE(session);
  // Nothing is read meanwhile: the queue must take what the sockets do not.
  for (std::uint32_t id = 0; id < kRequests; ++id) REQUIRE((*session)->ask(probe_of(id)));
  REQUIRE((*session)->finish());
  const Result<std::vector<NetResult>> results = collect(**session, milliseconds(60000));
  REQUIRE(results);
  REQUIRE(results->size() == kRequests + 1);
  std::set<std::uint32_t> ids;
  for (const NetResult& result : *results) {
    if (result.probe) ids.insert(result.probe->id);
  }
  CHECK(ids.size() == kRequests);
  CHECK((*session)->next(steady_clock::now()).error().code == Errc::internal);
}

TEST_CASE("a worker that breaks the protocol is ended with what it did", "[worker]") {
  const std::string flood = "cat /dev/zero | tr '\\0' 'a'\n";
  const HostileCase hostile = GENERATE_COPY(values<HostileCase>({
      {"dies at once", "exit 3", "stopped without its end line: it exited with status 3"},
      {"is killed", "kill -SEGV $$", "it was killed by signal 11"},
      {"dies in a line", "printf '{\"probe'; exit 0",
       "stopped in the middle of a line: it exited with status 0"},
      {"hangs", "sleep 60", "was still running after its deadline"},
      {"ignores SIGTERM and hangs", "trap '' TERM HUP INT\nsleep 60\nsleep 60",
       "was still running after its deadline"},
      {"drips", "while :; do printf a; sleep 0.05; done", "was still running after its deadline"},
      {"floods without LF", flood, "sent a line above 163840 bytes"},
      {"sends a 200 KB line", "head -c 200000 /dev/zero | tr '\\0' 'a'\necho\nsleep 60",
       "sent a line above 163840 bytes"},
      {"floods with notices", "while :; do " + say(notice_line()) + "done",
       "sent too many notices"},
      {"floods with empty lines", "yes ''", "left the protocol"},
      {"sends garbage", "head -c 4000 /dev/urandom\necho\nsleep 60", "left the protocol"},
      {"sends another type", "echo '[1,2]'", "left the protocol"},
      {"answers an id not asked", say(result_line(8)) + "sleep 60",
       "answered a probe that is not open: id 8"},
      {"answers as another kind", say(fetch_line(7, "")) + "sleep 60",
       "answered a fetch that is not open: id 7"},
      {"answers twice", say(result_line(7)) + say(result_line(7)) + "sleep 60",
       "answered a probe that is not open: id 7"},
      {"has asked what waits its turn",
       R"(echo '{"asked":{"id":9}}')"
       "\nsleep 60",
       "asked what it was not to ask: id 9"},
      {"sends a larger body than asked", say(fetch_line(9, "seventeen bytes!!")) + "sleep 60",
       "sent more bytes than were asked for: id 9"},
      {"closes its output and stays", "exec >&-\nsleep 60",
       "stopped without its end line: it closed its output and stayed"},
      {"ends too early", kEnd, "ended with 2 requests unanswered"},
      {"writes after its end",
       say(result_line(7)) + say(fetch_line(9, "")) + kEnd + "\n" + say(result_line(7)),
       "wrote on after its end line"},
      {"ends twice", say(result_line(7)) + say(fetch_line(9, "")) + kEnd + "\n" + kEnd,
       "wrote on after its end line"},
      {"stops in a line after its end",
       say(result_line(7)) + say(fetch_line(9, "")) + kEnd + "\nprintf x",
       "stopped in the middle of a line"},
  }));
  CAPTURE(hostile.name);
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", hostile.script);
  const std::size_t fds_before = count_open_fds();
  constexpr milliseconds kDeadline{700};
  const steady_clock::time_point begin = steady_clock::now();
  {
    WorkerProcess worker(options_in(directory));
    Result<std::unique_ptr<NetSession>> session = worker.start_net(start_within(kDeadline));
    REQUIRE(session);
    // A worker that is dead already must not kill us with SIGPIPE, nor hide what it did.
    REQUIRE((*session)->ask(probe_of(7)));
    REQUIRE((*session)->ask(fetch_of(9)));
    REQUIRE((*session)->finish());
    const Result<std::vector<NetResult>> results = collect(**session, milliseconds(30000));
    REQUIRE_FALSE(results);
    CHECK(results.error().code == Errc::worker_failed);
    CHECK_THAT(results.error().detail, Catch::Contains(hostile.expected));
    // The session is over, and says so for good.
    CHECK((*session)->next(steady_clock::now()).error().detail == results.error().detail);
    CHECK((*session)->ask(probe_of(10)).error().detail == results.error().detail);
  }
  CHECK(steady_clock::now() - begin < kDeadline + milliseconds(1500));
  CHECK(count_open_fds() == fds_before);
  CHECK_FALSE(has_child());
}

TEST_CASE("a limit that passes leaves the session alive", "[worker]") {
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", kAnswerProbes + "\n" + kEnd);
  WorkerProcess worker(options_in(directory));
  Result<std::unique_ptr<NetSession>> session = worker.start_net(start_within(milliseconds(20000)));
  REQUIRE(session);
  CHECK((*session)->next(steady_clock::now() + milliseconds(20)).error().code == Errc::timed_out);
  REQUIRE((*session)->ask(probe_of(1)));
  const Result<NetResult> answer = (*session)->next(steady_clock::now() + milliseconds(20000));
  REQUIRE(answer);
  REQUIRE(answer->probe);
  CHECK(answer->probe->id == 1);
  REQUIRE((*session)->finish());
  const Result<NetResult> end = (*session)->next(steady_clock::now() + milliseconds(20000));
  REQUIRE(end);
  CHECK(end->end);
}

TEST_CASE("a worker that lingers after its end is not waited for", "[worker]") {
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", "cat >/dev/null\n" + kEnd + "\nsleep 60");
  WorkerProcess worker(options_in(directory));
  Result<std::unique_ptr<NetSession>> session = worker.start_net(start_within(milliseconds(20000)));
  REQUIRE(session);
  REQUIRE((*session)->finish());
  const Result<NetResult> end = (*session)->next(steady_clock::now() + milliseconds(20000));
  REQUIRE(end);
  CHECK(end->end);
  CHECK_FALSE(has_child());
}

TEST_CASE("a worker dies with its session, its children and its parent's death included",
          "[worker]") {
  const bool parent_is_killed = GENERATE(false, true);
  CAPTURE(parent_is_killed);
  const ScratchDirectory directory;
  // The worker holds the far end of a fifo that we read: its end of file is the holders' death.
  const std::string fifo = directory.path() + "/alive";
  REQUIRE(mkfifo(fifo.c_str(), 0666) == 0);
  REQUIRE(chmod(fifo.c_str(), 0666) == 0);
  const std::string child = parent_is_killed ? "" : "sleep 600 &\n";
  directory.put_worker("hostspin-net",
                       "exec 5>" + fifo + "\n" + child + say(notice_line()) + "exec sleep 600");
  const int reader = open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(reader >= 0);
  REQUIRE(fcntl(reader, F_SETFL, 0) == 0);

  const pid_t parent = fork();
  REQUIRE(parent >= 0);
  if (parent == 0) {
    WorkerProcess worker(options_in(directory));
    Result<std::unique_ptr<NetSession>> session =
        worker.start_net(start_within(milliseconds(20000)));
    const bool said = session && (*session)->next(steady_clock::now() + milliseconds(20000));
    if (!said) _exit(1);
    if (parent_is_killed) (void)kill(getpid(), SIGKILL);
    session->reset();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(parent, &status, 0) == parent);
  CHECK(WIFSIGNALED(status) == parent_is_killed);
  CHECK((parent_is_killed || WEXITSTATUS(status) == 0));
  char byte = 0;
  CHECK(read(reader, &byte, 1) == 0);
  close(reader);
}

TEST_CASE("the resolver's worker is held to its questions", "[worker]") {
  const AskRequest request{3, *HostName::parse("db.example.com"), AskRequest::Database::files,
                           AskRequest::Family::inet};
  AskResult answer;
  answer.id = 3;
  answer.status = AskResult::Status::found;
  const bool other_family = GENERATE(false, true);
  answer.addresses = {*IPAddress::parse(other_family ? "2001:db8::1" : "192.0.2.1")};
  std::string line = encode(answer);
  line.pop_back();

  const ScratchDirectory directory;
  directory.put_worker("hostspin-ask", "cat >/dev/null\n" + say(line) + kEnd);
  WorkerProcess worker(options_in(directory));
  Result<std::unique_ptr<AskSession>> session = worker.start_ask(milliseconds(20000));
  REQUIRE(session);
  REQUIRE((*session)->ask(request));
  REQUIRE((*session)->finish());
  const Result<AskOutput> first = (*session)->next(steady_clock::now() + milliseconds(20000));
  if (other_family) {
    REQUIRE_FALSE(first);
    CHECK(first.error().detail == "hostspin-ask answered with the other family: id 3");
    return;
  }
  REQUIRE(first);
  REQUIRE(first->ask);
  CHECK(first->ask->addresses == answer.addresses);
  const Result<AskOutput> end = (*session)->next(steady_clock::now() + milliseconds(20000));
  REQUIRE(end);
  CHECK(end->end);
}

TEST_CASE("a worker that this machine's libc cannot start is told from one that fails",
          "[worker]") {
  // So does the loader of musl give up; glibc's too, where a library is gone, which is a fault.
  const auto [script, has_loader, is_missing] = GENERATE(table<std::string, bool, bool>(
      {{"exit 127", false, true}, {"exit 127", true, false}, {"exit 1", false, false}}));
  const ScratchDirectory directory;
  directory.put_worker("hostspin-ask", "cat >/dev/null\n" + script + "\n");
  WorkerProcessOptions options = options_in(directory);
  options.has_loader = has_loader;
  WorkerProcess worker(options);
  Result<std::unique_ptr<AskSession>> session = worker.start_ask(milliseconds(20000));
  REQUIRE(session);
  REQUIRE((*session)->finish());
  const Result<AskOutput> answer = (*session)->next(steady_clock::now() + milliseconds(20000));
  REQUIRE_FALSE(answer);
  CHECK((answer.error().code == Errc::not_found) == is_missing);
}

TEST_CASE("what is short is named, and no device is to be made for it", "[worker]") {
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", "exit 0\n");
  WorkerProcess worker(options_in(directory));
  rlimit before = {};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none = {3, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  const Result<std::unique_ptr<NetSession>> session =
      worker.start_net(start_within(milliseconds(1000)));
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE_FALSE(session);
  CHECK_THAT(session.error().detail, Catch::Contains("Too many open files"));
  CHECK(session.error().hint.empty());
}

TEST_CASE("a hostspin-net that cannot be loaded has failed", "[worker]") {
  const ScratchDirectory directory;
  directory.put_worker("hostspin-net", "cat >/dev/null\nexit 127\n");
  WorkerProcessOptions options = options_in(directory);
  options.has_loader = false;
  WorkerProcess worker(options);
  Result<std::unique_ptr<NetSession>> session = worker.start_net(start_within(milliseconds(20000)));
  REQUIRE(session);
  REQUIRE((*session)->finish());
  const Result<NetResult> answer = (*session)->next(steady_clock::now() + milliseconds(20000));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::worker_failed);
}

TEST_CASE("a worker that its loader has ended before it was asked is told all the same",
          "[worker]") {
  const ScratchDirectory directory;
  directory.put_worker("hostspin-ask", "exit 127");
  WorkerProcessOptions options = options_in(directory);
  options.has_loader = false;
  WorkerProcess worker(options);
  Result<std::unique_ptr<AskSession>> session = worker.start_ask(milliseconds(20000));
  REQUIRE(session);
  siginfo_t info = {};
  REQUIRE(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
  const AskRequest request{3, *HostName::parse("db.example.com"), AskRequest::Database::files,
                           AskRequest::Family::inet};
  CHECK((*session)->ask(request));
  CHECK((*session)->finish());
  const Result<AskOutput> answer = (*session)->next(steady_clock::now() + milliseconds(20000));
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == Errc::not_found);
  CHECK(answer.error().detail == "cannot run hostspin-ask: no glibc here");
}
