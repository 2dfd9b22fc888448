#include <string>

#include "catch.h"
#include "event_loop.h"
#include "turns.h"

using namespace hostspin;

TEST_CASE("who has taken in the least takes the next turn", "[turns]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  Turns turns(loop);
  std::string order;
  Turns::Place greedy(turns, [&] { order += 'g'; });
  Turns::Place modest(turns, [&] { order += 'm'; });
  Turns::Place fresh(turns, [&] { order += 'f'; });
  greedy.add(5000);
  modest.add(100);
  greedy.ask();
  greedy.ask();  // one turn, however often it is asked for
  modest.ask();
  fresh.ask();
  CHECK(order.empty());  // never from within the question
  loop.run_once();
  CHECK(order == "fmg");
  loop.soon([] {});
  loop.run_once();
  CHECK(order == "fmg");
}

TEST_CASE("a lap has few turns, and one for each", "[turns]") {
  constexpr std::size_t kPeers = 40;
  EventLoop loop = std::move(EventLoop::make()).value();
  Turns turns(loop);
  std::size_t taken = 0;
  std::vector<std::unique_ptr<Turns::Place>> peers(kPeers);
  std::vector<std::size_t> count(kPeers);
  for (std::size_t i = 0; i < kPeers; ++i) {
    peers[i] = std::make_unique<Turns::Place>(turns, [&, i] {
      ++taken;
      ++count[i];
      peers[i]->add(kTurnBytesMax);
      peers[i]->ask();  // never content
    });
    peers[i]->ask();
  }
  bool due = false;
  loop.at(std::chrono::steady_clock::now(), [&] { due = true; });
  loop.run_once();
  CHECK(due);  // a timer is not kept from its time
  CHECK(taken <= 10);
  while (taken < 10 * kPeers) loop.run_once();
  for (const std::size_t one : count) CHECK((one >= 8 && one <= 12));
  peers.clear();  // in the middle of waiting
  loop.soon([] {});
  loop.run_once();
}

TEST_CASE("a turn may end its own place and others", "[turns]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  Turns turns(loop);
  std::unique_ptr<Turns::Place> first;
  std::unique_ptr<Turns::Place> second;
  int taken = 0;
  first = std::make_unique<Turns::Place>(turns, [&] {
    ++taken;
    second.reset();
    first.reset();
  });
  second = std::make_unique<Turns::Place>(turns, [&] { ++taken; });
  first->ask();
  second->ask();
  loop.run_once();
  CHECK(taken == 1);
}
