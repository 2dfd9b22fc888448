#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "event_loop.h"

namespace hostspin {

/// When each fetch may start. Sources are hedged: by priority, a new one every 250 ms or at once on
/// a failure, at most 8 at work. What counts is the configured source: however many servers it has,
/// it takes one place, and its servers are hedged among themselves in the same way. A source that
/// is not done after 3 s is slower than any document needs, and gives its place up to those that
/// wait; what it was asked goes on. What is to go out at once takes no place and waits for no other
/// source. Pure: the time is handed in.
class FetchQueue {
 public:
  using Number = std::uint64_t;

  struct Item {
    Number number = 0;
    std::uint16_t source = 0;
    std::string server;  ///< what is asked of one server that was started goes out with it
    int priority = 0;    ///< lower first
    bool at_once = false;
  };

  static constexpr std::size_t kPlacesMax = 8;
  static constexpr std::chrono::milliseconds kStagger{250};
  static constexpr std::chrono::milliseconds kPlaceLimit{3000};
  /// Of one source at work together, of either kind.
  static constexpr std::size_t kOfOneSourceMax = 8;

  void add(Item item);
  /// What starts now, in this order.
  std::vector<Number> take(SteadyTime now);
  /// When take() has more, as far as it is known; nothing where first something must end.
  [[nodiscard]] std::optional<SteadyTime> next(SteadyTime now) const;
  /// One that was taken has come to its end.
  void end(Number number, bool failed);
  /// One that was taken will take longer: nobody waits for it.
  void hurry(Number number);

 private:
  struct Source {
    std::deque<Item> waiting;  // by priority, then in the order of their arrival
    std::deque<Item> at_once;
    std::set<std::string> started;  // servers
    std::size_t hedged_at_work = 0;
    std::size_t at_once_at_work = 0;
    std::optional<SteadyTime> placed;  // since when it has, or had, a place
    SteadyTime next_server{};
  };
  struct AtWork {
    std::uint16_t source = 0;
    bool at_once = false;  // counted among those
    bool hedged = false;   // asked as a part of the hedge: its failure hurries the next
  };

  void start(Source& source, const Item& item, bool at_once, std::vector<Number>& taken);
  void start_server(Source& source, SteadyTime now, std::vector<Number>& taken);
  void take_of(Source& source, SteadyTime now, std::vector<Number>& taken);
  [[nodiscard]] Source* next_source();
  [[nodiscard]] std::vector<SteadyTime> places(SteadyTime now) const;

  std::map<std::uint16_t, Source> sources_;
  std::map<Number, AtWork> at_work_;
  SteadyTime next_source_{};
};

}  // namespace hostspin
