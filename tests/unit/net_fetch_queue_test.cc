#include <algorithm>
#include <map>
#include <set>

#include "catch.h"
#include "fetch_queue.h"

using namespace hostspin;
using namespace std::chrono_literals;
using Number = FetchQueue::Number;

namespace {

/// A queue, and a clock that is stepped through its events.
class Hedge {
 public:
  /// A document of one server of a source. Its number.
  Number add(std::uint16_t source, const std::string& server, int priority = 0) {
    return add({++last_, source, server, priority, false});
  }
  Number add_at_once(std::uint16_t source, const std::string& server) {
    return add({++last_, source, server, 0, true});
  }
  void end(Number number, bool failed) { queue.end(number, failed); }

  /// Lets the time go on, and notes when each starts.
  void run_until(std::chrono::milliseconds time) {
    for (;;) {
      for (const Number number : queue.take(begin + now)) started[number] = now;
      const std::optional<SteadyTime> next = queue.next(begin + now);
      if (!next || *next - begin > time) break;
      now = std::max(now, std::chrono::ceil<std::chrono::milliseconds>(*next - begin));
    }
    now = time;
  }

  FetchQueue queue;
  SteadyTime begin{1h};
  std::chrono::milliseconds now{0};
  std::map<Number, std::chrono::milliseconds> started;

 private:
  Number add(FetchQueue::Item item) {
    queue.add(std::move(item));
    return last_;
  }
  Number last_ = 0;
};

std::string server(int number) { return "server " + std::to_string(number); }

}  // namespace

TEST_CASE("sources start by priority, one every 250 ms", "[net][fetch]") {
  Hedge hedge;
  const Number last = hedge.add(0, "a", 2);
  const Number second = hedge.add(1, "b", 1);
  const Number first = hedge.add(2, "c", 0);
  hedge.run_until(2s);
  CHECK(hedge.started ==
        std::map<Number, std::chrono::milliseconds>{{first, 0ms}, {second, 250ms}, {last, 500ms}});
}

TEST_CASE("a failure brings the next source, and the source's next server, at once",
          "[net][fetch]") {
  Hedge hedge;
  const Number first = hedge.add(0, "a");
  const Number other_server = hedge.add(0, "b");
  const Number other_source = hedge.add(1, "c");
  hedge.run_until(10ms);
  hedge.end(first, true);
  hedge.run_until(2s);
  CHECK(hedge.started.at(other_server) == 10ms);
  CHECK(hedge.started.at(other_source) == 10ms);
}

TEST_CASE("a source with many slow servers takes one place, and holds nobody up",
          "[net][fetch][attack]") {
  Hedge hedge;
  for (int i = 0; i < 8; ++i) hedge.add(0, server(i));
  const Number honest = hedge.add(1, "honest", 10);
  hedge.run_until(10s);
  CHECK(hedge.started.at(honest) == 250ms);
  CHECK(hedge.started.size() == 9);  // and each of its servers is asked, hedged among themselves
}

TEST_CASE("at most eight sources are at work, until the slow ones give their places up",
          "[net][fetch][attack]") {
  Hedge hedge;
  for (int i = 0; i < 12; ++i) hedge.add(static_cast<std::uint16_t>(i), server(i));
  hedge.run_until(2900ms);
  CHECK(hedge.started.size() == 8);
  hedge.run_until(3s);
  CHECK(hedge.started.size() == 9);
  hedge.run_until(5s);
  CHECK(hedge.started.size() == 12);
}

TEST_CASE("a source that is done frees its place", "[net][fetch]") {
  Hedge hedge;
  std::vector<Number> numbers;
  for (int i = 0; i < 9; ++i)
    numbers.push_back(hedge.add(static_cast<std::uint16_t>(i), server(i)));
  hedge.run_until(2s);
  CHECK(hedge.started.size() == 8);
  hedge.end(numbers[4], false);
  hedge.run_until(2s);
  CHECK(hedge.started.contains(numbers[8]));
}

TEST_CASE("what goes out at once waits for no source and takes no place", "[net][fetch][attack]") {
  Hedge hedge;
  for (int i = 0; i < 64; ++i) hedge.add(static_cast<std::uint16_t>(i), server(i));
  std::set<Number> at_once;
  for (int i = 0; i < 64; ++i) {
    at_once.insert(hedge.add_at_once(static_cast<std::uint16_t>(i), server(i)));
  }
  hedge.run_until(0ms);
  for (const Number number : at_once) CHECK(hedge.started.contains(number));
  CHECK(hedge.started.size() == 65);  // and the first document of the hedge
}

TEST_CASE("a source that answers none of many questions delays its own alone",
          "[net][fetch][attack]") {
  Hedge hedge;
  std::vector<Number> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(hedge.add_at_once(0, server(i)));
  const Number honest = hedge.add_at_once(1, "honest");
  hedge.run_until(1s);
  CHECK(hedge.started.contains(honest));
  CHECK(hedge.started.size() == FetchQueue::kOfOneSourceMax + 1);
  hedge.end(silent[0], true);
  hedge.run_until(1s);
  CHECK(hedge.started.size() == FetchQueue::kOfOneSourceMax + 2);
}

TEST_CASE("what is asked of a server that was started goes out with it", "[net][fetch]") {
  Hedge hedge;
  const Number one = hedge.add(0, "a");
  const Number other = hedge.add(1, "b");
  const Number two = hedge.add(0, "a");
  hedge.run_until(10ms);
  CHECK(hedge.started.size() == 2);
  CHECK((hedge.started.contains(one) && hedge.started.contains(two)));
  const Number three = hedge.add(0, "a");
  hedge.run_until(20ms);
  CHECK(hedge.started.at(three) == 10ms);
  CHECK_FALSE(hedge.started.contains(other));
}

TEST_CASE("what goes out with its server counts against the eight of its source as it waited",
          "[net][fetch][attack]") {
  Hedge hedge;
  (void)hedge.add(0, "a");
  hedge.run_until(0ms);
  std::vector<Number> more;  // of the server that was started
  for (int i = 0; i < 20; ++i) more.push_back(hedge.add(0, "a"));
  const Number other_server = hedge.add(0, "b");
  hedge.run_until(1s);
  // Eight that went out at once are no reason to keep the source's next server waiting.
  CHECK(hedge.started.contains(other_server));
  CHECK(hedge.started.size() == 2 + FetchQueue::kOfOneSourceMax);
  for (std::size_t i = 0; i < more.size(); ++i) {
    CAPTURE(i);
    REQUIRE(hedge.started.contains(more[i]));
    hedge.end(more[i], false);
    hedge.run_until(1s);
    CHECK(hedge.started.size() == 2 + std::min(more.size(), FetchQueue::kOfOneSourceMax + 1 + i));
  }
}

TEST_CASE("the failure of what went out with its server brings the next source at once",
          "[net][fetch]") {
  Hedge hedge;
  (void)hedge.add(0, "a");
  const Number second = hedge.add(0, "a");
  hedge.run_until(0ms);
  const Number third = hedge.add(0, "a");
  const Number other_source = hedge.add(1, "b");
  hedge.run_until(10ms);
  hedge.end(third, true);
  hedge.run_until(2s);
  CHECK(hedge.started.at(second) == 0ms);
  CHECK(hedge.started.at(other_source) == 10ms);
}
