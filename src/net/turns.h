#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "event_loop.h"

namespace hostspin {

/// What one turn takes in: so little that the work it makes (ten bytes are a record of TLS, or a
/// frame of HTTP/2) ends within a millisecond or so, whatever the bytes are.
inline constexpr std::size_t kTurnBytesMax = 2048;

/// No handshake is longer: OpenSSL takes certificates of 100 KiB.
inline constexpr std::size_t kHandshakeBytesMax = 131072;

/// Whoever is out of time and has sent this much that is no part of an answer was not slow.
inline constexpr std::size_t kFloodBytesMin = 65536;

/// The detail of the verdict `flood`.
[[nodiscard]] std::string flood_detail(std::size_t bytes);

/// Shares this thread among peers that could all keep it busy: in each lap of the loop a few of
/// those that wait take a turn, those first that have taken in the least so far. A peer that never
/// stops sending is so overtaken by every other one, and a lap ends soon, so that timers are on
/// time.
class Turns {
 public:
  explicit Turns(EventLoop& loop) : loop_(loop) {}
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;
  ~Turns() { loop_.cancel(lap_); }

  /// One peer's place among the others; nothing is called after its end.
  class Place {
   public:
    /// `take` is one turn: at most kTurnBytesMax bytes. It may destroy this.
    Place(Turns& turns, std::function<void()> take) : turns_(turns), take_(std::move(take)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { withdraw(); }

    /// Asks for one turn, never taken from within this call. Harmless while it waits already.
    void ask();
    void withdraw();
    /// What the last turn took in.
    void add(std::size_t bytes) { bytes_ += bytes; }
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

   private:
    friend class Turns;
    Turns& turns_;
    std::function<void()> take_;
    std::size_t bytes_ = 0;
    std::pair<std::size_t, std::uint64_t> key_;  // among those that wait; the second is 0 for none
  };

 private:
  void run_lap();

  EventLoop& loop_;
  std::map<std::pair<std::size_t, std::uint64_t>, Place*> waiting_;  // by bytes, then by arrival
  std::uint64_t arrivals_ = 0;
  EventLoop::Timer lap_;
};

}  // namespace hostspin
