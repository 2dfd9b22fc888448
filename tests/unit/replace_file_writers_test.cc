#include "replace_file.h"

// Other writers at work while the file is replaced.
#include <cerrno>

#include "catch.h"
#include "faulty_file_system.h"
#include "hosts_world.h"

using namespace hostspin;
using namespace std::chrono_literals;

namespace {

/// Every line that was written is in the file or beside it.
void check_kept(HostsWorld& world, int lines) {
  std::string all = world.hosts();
  for (const std::string& name : world.disk.names(kState))
    all += *world.disk.content(kState + "/" + name);
  for (int i = 1; i <= lines; ++i)
    CHECK_THAT(all, Catch::Contains("n" + std::to_string(i) + ".example"));
}

/// Another writer appends a line just before the exchange, and one to ours, which stands in the
/// file's place then and is about to be swapped back.
void append_twice(HostsWorld& world) {
  world.disk.on_call = [&world, exchanges = 0](const std::string& call) mutable {
    if (call != "exchange") return;
    ++exchanges;
    if (exchanges == 1) world.disk.append(kHosts, "10.0.0.8 first.example\n");
    if (exchanges == 2) world.disk.append(kHosts, "10.0.0.9 second.example\n");
  };
}

}  // namespace

TEST_CASE("an edit at any moment is taken over", "[replace][writers]") {
  // Another writer acts just before the n-th call.
  const int writer = GENERATE(0, 1, 2);
  const bool kill_follows = GENERATE(false, true);
  const std::string line = "10.0.0.8 appended.example\n";
  for (int moment = 0;; ++moment) {
    CAPTURE(writer, kill_follows, moment);
    HostsWorld world;
    int calls = 0;
    bool acted = false;
    world.disk.on_call = [&](const std::string&) {
      if (calls++ != moment) return;
      acted = true;
      const std::string now = world.hosts();
      if (writer == 0) world.disk.append(kHosts, line);
      if (writer == 1) world.disk.rewrite(kHosts, now + line);
      if (writer == 2) world.disk.replace(kHosts, now + line);
    };
    FaultyFileSystem fs(world.disk, kill_follows ? moment + 1 : 100000, {EIO, true, false, false});
    const Result<ReplaceOutcome> done = replace_file(fs, world.clock, apply_request());
    const bool fired = fs.fired();
    world.disk.on_call = nullptr;
    world.disk.kill_process();
    if (!fired) REQUIRE(done);
    if (!fired && acted) CHECK(world.hosts() == with_block(kOld + line));
    CHECK(world.clock.slept() == 0ns);  // nobody keeps the file open

    const Result<ReplaceOutcome> next = world.apply();
    REQUIRE(next);
    if (acted) {
      const bool in_file = world.hosts() == with_block(kOld + line);
      const bool kept = !next->left_overs.empty() &&
                        world.disk.content(next->left_overs.at(0))->find(line) != std::string::npos;
      CHECK((in_file || kept));
    }
    CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
    if (!acted) break;
  }
}

TEST_CASE("an edit made before the exchange is taken over before anybody sees ours",
          "[replace][writers]") {
  HostsWorld world;
  const std::string line = "10.0.0.8 appended.example\n";
  world.disk.on_call = [&, acted = false](const std::string& call) mutable {
    if (call == "create" && !std::exchange(acted, true)) world.disk.append(kHosts, line);
  };
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(done->rebases == 1);
  CHECK(world.disk.calls_of("exchange") == 1);
  CHECK(world.hosts() == with_block(kOld + line));
}

std::int64_t now_ns(const Clock& clock) {
  return std::chrono::nanoseconds(clock.now().time_since_epoch()).count();
}

TEST_CASE("half of another writer's work is not taken for the file", "[replace][writers]") {
  HostsWorld world;
  const std::uint64_t writer = world.disk.open_by_writer(kHosts);
  const std::string whole = with_block(kOld);
  const std::size_t half = GENERATE(0U, 20U, 60U);  // nothing, half a marker, a block without end
  world.disk.rewrite(kHosts, whole.substr(0, half));
  world.clock.on_sleep = [&, slept = 0]() mutable {
    if (++slept != 3) return;
    world.disk.append_by_writer(writer, whole.substr(half));
    world.disk.close_by_writer(writer);
  };
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(world.hosts() == whole);
}

TEST_CASE("a truncation of our file that is still under way is kept, not merged",
          "[replace][writers]") {
  HostsWorld world;
  std::uint64_t writer = 0;
  world.disk.on_call = [&, exchanges = 0](const std::string& call) mutable {
    if (call != "exchange") return;
    ++exchanges;
    if (exchanges == 1) world.disk.append(kHosts, "10.0.0.8 first.example\n");
    if (exchanges != 2) return;  // ours stands in the file's place, and is about to be swapped back
    writer = world.disk.open_by_writer(kHosts);
    world.disk.rewrite(kHosts, "10.0.0.9 cut.example\n");
  };
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK_FALSE(done->writer_busy);
  CHECK(world.hosts() == with_block(kOld + "10.0.0.8 first.example\n"));
  CHECK(done->left_overs == std::vector<std::string>{kState + "/hosts.left-1"});
  CHECK(world.disk.content(done->left_overs.at(0)) == "10.0.0.9 cut.example\n");
  world.disk.append_by_writer(writer, "10.0.0.10 late.example\n");
  CHECK_THAT(*world.disk.content(done->left_overs.at(0)), Catch::EndsWith("late.example\n"));
}

TEST_CASE("what is still written to a left-over temporary file is kept", "[replace][writers]") {
  HostsWorld world(with_block(kOld));
  world.disk.put(kTemp, kOld);  // a run was killed between the exchange and the comparison
  const std::uint64_t writer = world.disk.open_by_writer(kTemp);
  world.disk.is_one_mount = GENERATE(true, false);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(done->writer_busy == !world.disk.is_one_mount);
  CHECK(done->busy_kept.empty());
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
  world.disk.append_by_writer(writer, "10.0.0.8 late.example\n");
  if (!world.disk.is_one_mount) return;
  REQUIRE(done->left_overs == std::vector<std::string>{kState + "/hosts.left-1"});
  CHECK(world.disk.content(done->left_overs.at(0)) == kOld + "10.0.0.8 late.example\n");
}

TEST_CASE("two writers' edits, before and during the exchange, both survive",
          "[replace][writers]") {
  HostsWorld world;
  append_twice(world);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(done->rebases == 1);
  CHECK(done->left_overs.empty());
  CHECK(world.hosts() == with_block(kOld + "10.0.0.8 first.example\n10.0.0.9 second.example\n"));
  CHECK(world.disk.names(kState) == std::vector<std::string>{"hosts.prev"});
}

TEST_CASE("edits that cannot be merged are kept and reported", "[replace][writers]") {
  HostsWorld world;
  int exchanges = 0;
  world.disk.on_call = [&](const std::string& call) {
    if (call != "exchange") return;
    ++exchanges;
    if (exchanges == 1)
      world.disk.rewrite(kHosts, "127.0.0.1\tlocalhost\n10.0.0.8\tother.example\n");
    if (exchanges == 2)
      world.disk.rewrite(kHosts, with_block("127.0.0.1\tlocalhost\n10.0.0.9\tother.example\n"));
  };
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(world.hosts() == with_block("127.0.0.1\tlocalhost\n10.0.0.8\tother.example\n"));
  CHECK(done->left_overs == std::vector<std::string>{kState + "/hosts.left-1"});
  CHECK_THAT(*world.disk.content(done->left_overs.at(0)),
             Catch::Contains("10.0.0.9\tother.example"));
}

TEST_CASE("a writer that never rests is given up on", "[replace][writers]") {
  HostsWorld world;
  int line = 0;
  world.disk.on_call = [&](const std::string& call) {
    if (call == "exchange")
      world.disk.append(kHosts, "10.0.0.8 n" + std::to_string(++line) + ".example\n");
  };
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::writer_busy);
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
  check_kept(world, line);
}

TEST_CASE("slow writers that follow each other are given up on", "[replace][writers]") {
  HostsWorld world;
  std::uint64_t writer = 0;
  int line = 0;
  std::chrono::nanoseconds opened{0};
  world.disk.on_call = [&](const std::string& call) {
    if (call != "exchange" || writer != 0) return;
    writer = world.disk.open_by_writer(kHosts);
    world.disk.append_by_writer(writer, "10.0.0.8 n" + std::to_string(++line) + ".example\n");
    opened = world.clock.slept();
  };
  world.clock.on_sleep = [&] {
    if (writer == 0 || world.clock.slept() - opened < 1900ms) return;
    world.disk.close_by_writer(std::exchange(writer, 0));
  };
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::writer_busy);
  CHECK(world.clock.slept() <= kFollowMax);
  check_kept(world, line);
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
}

TEST_CASE("a slow writer is waited for", "[replace][writers]") {
  HostsWorld world;
  SECTION("it had the file open when it was read") {
    const std::uint64_t writer = world.disk.open_by_writer(kHosts);
    world.clock.on_sleep = [&, slept = 0]() mutable {
      if (++slept != 3) return;
      world.disk.append_by_writer(writer, "10.0.0.8 slow.example\n");
      world.disk.close_by_writer(writer);
    };
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->rebases == 0);
    CHECK_FALSE(done->writer_busy);
  }
  SECTION("it opened the file just before the exchange") {
    std::uint64_t writer = 0;
    world.disk.on_call = [&](const std::string& call) {
      if (call == "exchange" && writer == 0) writer = world.disk.open_by_writer(kHosts);
    };
    world.clock.on_sleep = [&, slept = 0]() mutable {
      if (++slept != 2) return;
      world.disk.append_by_writer(writer, "10.0.0.8 slow.example\n");
      world.disk.close_by_writer(writer);
    };
    const Result<ReplaceOutcome> done = world.apply();
    REQUIRE(done);
    CHECK(done->rebases == 1);
  }
  CHECK(world.hosts() == with_block(kOld + "10.0.0.8 slow.example\n"));
}

TEST_CASE("a writer that keeps the file open is left behind, its bytes kept",
          "[replace][writers]") {
  HostsWorld world;
  (void)world.disk.open_by_writer(kHosts);
  world.disk.has_exchange = GENERATE(true, false);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(done->written);
  CHECK(done->writer_busy);
  CHECK(world.clock.slept() == kRestWaitMax + kWriterWaitMax);
  CHECK(world.hosts() == with_block(kOld));
  CHECK(done->previous == kState + "/hosts.prev");
  CHECK(world.disk.content(done->previous) == kOld);
  CHECK(world.disk.survivors(done->previous) == std::set<std::optional<std::string>>{kOld});
}

TEST_CASE("what a writer that was left behind still writes is in hosts.prev",
          "[replace][writers]") {
  HostsWorld world;
  const std::uint64_t writer = world.disk.open_by_writer(kHosts);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(done->writer_busy);
  world.disk.append_by_writer(writer, "10.0.0.8 late.example\n");
  CHECK(world.disk.content(done->previous) == kOld + "10.0.0.8 late.example\n");
}

TEST_CASE("nothing takes the place of a file that a writer has truncated and not finished",
          "[replace][writers]") {
  HostsWorld world;
  world.disk.has_exchange = GENERATE(true, false);
  const std::string begun = GENERATE("", "10.0.0.7 first.exa");
  const std::uint64_t writer = world.disk.open_by_writer(kHosts);
  world.disk.rewrite(kHosts, begun);
  world.disk.set_mtime_of(kHosts, now_ns(world.clock));
  const Result<ReplaceOutcome> early = world.apply();
  REQUIRE_FALSE(early);
  CHECK(early.error().code == Errc::writer_busy);
  CHECK(world.disk.calls_of("exchange") + world.disk.calls_of("rename") == 0);  // not for a moment
  CHECK(world.hosts() == begun);
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});

  world.disk.append_by_writer(writer, "mple\n127.0.0.1 localhost\n");
  world.disk.close_by_writer(writer);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(world.hosts() == with_block(begun + "mple\n127.0.0.1 localhost\n"));
}

TEST_CASE("no writer pays for the one that was waited for before", "[replace][writers]") {
  HostsWorld world;
  world.disk.put(kTemp, kOld);
  (void)world.disk.open_by_writer(kTemp);  // whoever had the displaced file open never closes it
  std::uint64_t writer = 0;
  world.disk.on_call = [&](const std::string& call) {
    if (call != "exchange" || writer != 0) return;
    writer = world.disk.open_by_writer(kHosts);
    world.clock.on_sleep = [&, slept = 0]() mutable {
      if (++slept != 2) return;
      world.disk.append_by_writer(writer, "10.0.0.8 slow.example\n");
      world.disk.close_by_writer(writer);
    };
  };
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(world.hosts() == with_block(kOld + "10.0.0.8 slow.example\n"));
}

TEST_CASE("an edit of which no copy can be kept waits for the next run", "[replace][writers]") {
  HostsWorld world;
  append_twice(world);
  ReplaceRequest request = apply_request();
  request.state_directory = "/nowhere";
  world.disk.remove("/run/hostspin");
  REQUIRE_FALSE(world.apply(request));
  CHECK(world.hosts() == kOld + "10.0.0.8 first.example\n");

  world.disk.on_call = nullptr;
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  REQUIRE(done->left_overs == std::vector<std::string>{kState + "/hosts.left-1"});
  CHECK_THAT(*world.disk.content(done->left_overs[0]), Catch::Contains("10.0.0.9 second.example"));
}

TEST_CASE("the file was swapped for a symlink meanwhile: it is put back and refused",
          "[replace][writers]") {
  HostsWorld world;
  world.disk.on_call = [&](const std::string& call) {
    if (call == "exchange") {
      world.disk.on_call = nullptr;
      world.disk.put_link(kHosts, "/etc/elsewhere");
    }
  };
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::symlink_refused);
  CHECK(world.disk.status_of(kHosts).kind == FileStatus::Kind::symlink);
  CHECK(world.disk.names("/etc") == std::vector<std::string>{"hosts"});
}

TEST_CASE("a writer that has truncated the file and hangs keeps the block out for half a minute",
          "[replace][writers]") {
  HostsWorld world;
  world.disk.has_exchange = GENERATE(true, false);
  const std::uint64_t writer = world.disk.open_by_writer(kHosts);
  world.disk.rewrite(kHosts, "");
  world.disk.set_mtime_of(kHosts, now_ns(world.clock));
  REQUIRE_FALSE(world.apply());
  world.clock.advance(kStalledAfter);
  const Result<ReplaceOutcome> done = world.apply();
  REQUIRE(done);
  CHECK(world.hosts() == with_block(""));
  CHECK(done->writer_busy);
  CHECK(done->busy_kept == kState + "/hosts.prev");
  if (!world.disk.has_exchange) return;
  world.disk.append_by_writer(writer, kOld);
  CHECK(world.disk.content(done->busy_kept) == kOld);
}
