#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <utility>

#include "catch.h"
#include "event_loop.h"

using namespace hostspin;
using namespace std::chrono_literals;

namespace {

struct Pair {
  Pair() { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0); }
  ~Pair() {
    for (const int fd : ends) {
      if (fd >= 0) close(fd);
    }
  }
  std::array<int, 2> ends{};
};

}  // namespace

TEST_CASE("timers run in their order, and not before their time", "[event_loop]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  std::string order;
  const auto now = std::chrono::steady_clock::now();
  loop.at(now + 20ms, [&] {
    order += 'b';
    CHECK(std::chrono::steady_clock::now() >= now + 20ms);
  });
  loop.at(now + 10ms, [&] { order += 'a'; });
  EventLoop::Timer never = loop.at(now + 5ms, [&] { order += 'x'; });
  loop.cancel(never);
  loop.soon([&] { order += '0'; });
  while (order.size() < 3) loop.run_once();
  CHECK(order == "0ab");
}

TEST_CASE("what a timer schedules waits for the next turn", "[event_loop]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  int turns = 0;
  std::function<void()> again = [&] {
    if (++turns < 3) loop.soon(again);
  };
  loop.soon(again);
  loop.run_once();
  CHECK(turns == 1);
  loop.run_once();
  CHECK(turns == 2);
}

TEST_CASE("a handler may unwatch itself and others", "[event_loop]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  Pair first;
  Pair second;
  REQUIRE(write(first.ends[1], "x", 1) == 1);
  REQUIRE(write(second.ends[1], "x", 1) == 1);
  int calls = 0;
  const auto both_off = [&](std::uint32_t) {
    ++calls;
    loop.unwatch(first.ends[0]);
    loop.unwatch(second.ends[0]);
  };
  REQUIRE(loop.watch(first.ends[0], EPOLLIN, both_off));
  REQUIRE(loop.watch(second.ends[0], EPOLLIN, both_off));
  loop.soon([] {});
  loop.run_once();
  CHECK(calls == 1);
}

TEST_CASE("an event of a closed descriptor does not reach its successor", "[event_loop]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  Pair first;
  Pair second;
  REQUIRE(write(first.ends[1], "x", 1) == 1);
  REQUIRE(write(second.ends[1], "x", 1) == 1);
  std::string heard;
  int reused = -1;
  // Whichever comes first closes the other, whose number is used again at once.
  const auto replace = [&](Pair& other) {
    return [&](std::uint32_t) {
      heard += 'o';
      loop.unwatch(first.ends[0]);
      loop.unwatch(second.ends[0]);
      const int number = std::exchange(other.ends[0], -1);
      close(number);
      reused = fcntl(other.ends[1], F_DUPFD, number);
      CHECK(reused == number);
      loop.watch(reused, EPOLLIN, [&](std::uint32_t) { heard += 'n'; });
    };
  };
  REQUIRE(loop.watch(first.ends[0], EPOLLIN, replace(second)));
  REQUIRE(loop.watch(second.ends[0], EPOLLIN, replace(first)));
  loop.soon([] {});
  loop.run_once();
  CHECK(heard == "o");
  loop.unwatch(reused);
  close(reused);
}

TEST_CASE("a file cannot be waited on", "[event_loop]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  const int file = open("/proc/self/exe", O_RDONLY);
  REQUIRE(file >= 0);
  CHECK_FALSE(loop.watch(file, EPOLLIN, [](std::uint32_t) {}));
  close(file);
}

TEST_CASE("a number that was closed is watched again as a new one", "[event_loop]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  std::string called;
  Pair first;
  Descriptor socket(std::exchange(first.ends[0], -1));
  const int number = socket.get();
  REQUIRE(write(first.ends[1], "x", 1) == 1);
  REQUIRE(loop.watch(number, EPOLLIN, [&](std::uint32_t) { called += "first "; }));
  loop.close(socket);
  CHECK_FALSE(socket);
  Pair second;
  REQUIRE(second.ends[0] == number);
  REQUIRE(write(second.ends[1], "x", 1) == 1);
  REQUIRE(loop.watch(number, EPOLLIN, [&](std::uint32_t) { called += "second"; }));
  loop.run_once();
  CHECK(called == "second");
  loop.close(socket);  // of nothing
}

TEST_CASE("a descriptor that is unwatched, but open and readable, keeps nobody awake",
          "[event_loop]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  Pair pair;
  REQUIRE(write(pair.ends[1], "x", 1) == 1);
  REQUIRE(loop.watch(pair.ends[0], EPOLLIN, [](std::uint32_t) { CHECK(false); }));
  loop.unwatch(pair.ends[0]);
  bool is_over = false;
  loop.at(std::chrono::steady_clock::now() + 20ms, [&] { is_over = true; });
  int turns = 0;
  while (!is_over) {
    loop.run_once();
    ++turns;
  }
  CHECK(turns <= 3);  // one to hear of it, and the wait
  std::string called;
  REQUIRE(loop.watch(pair.ends[0], EPOLLIN, [&](std::uint32_t) { called = "again"; }));
  loop.run_once();
  CHECK(called == "again");
}
