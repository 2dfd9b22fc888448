#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "descriptor.h"
#include "event_loop.h"
#include "hostspin/result.h"
#include "lingering_close.h"
#include "turns.h"

namespace hostspin {

/// Stands between a connection and a library that reads until nothing is left, which with a peer
/// that never stops sending is never. The library gets one end of a pair of sockets; the pump moves
/// bytes between the other end and the connection, a turn at a time and no more than fit into the
/// pair, so that every read of the library's comes to an end, timers are on time and memory is
/// bounded; and so are the bytes of the whole attempt. Closing and half-closing pass through. What
/// a peer said before it reset the connection is read first, even if that was before it was asked;
/// the library then sees an end, and error_number() tells that it was none.
class Pump {
 public:
  /// Takes over and watches `connection`, a connected TCP socket, at once. Errc::busy where this
  /// machine has no room for the sockets it takes, Errc::internal where it gives none; `connection`
  /// is the caller's still. After `bytes_max` bytes from the peer, and as many as allow() added,
  /// the library sees a reset.
  static Result<std::unique_ptr<Pump>> make(EventLoop& loop, Turns& turns,
                                            LingeringClose& lingering, Descriptor& connection,
                                            std::size_t bytes_max);
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;
  ~Pump() { finish(); }

  /// A descriptor for the library, once, which the library closes; -1 if there is none (any more).
  /// It seems to be busy connecting until the loop's next lap; it is the library's end then, and
  /// `opened` is called.
  int hand_over(std::function<void()> opened);
  /// Whether it is the descriptor that was handed over.
  [[nodiscard]] bool serves(int socket) const {
    return connection_.socket && socket >= 0 && socket == handed_over_;
  }

  /// While corked, what is sent waits for more (TCP_CORK, 200 ms at most). Uncorking first takes
  /// what the library has written.
  void cork();
  void uncork();

  /// The library has closed its end, or is about to: sends what it still wrote, and closes the
  /// connection gently.
  void finish();

  /// So many more may come: for what the library delivered.
  void allow(std::size_t bytes) { bytes_max_ += bytes; }
  /// More than was allowed came from the peer.
  [[nodiscard]] bool flooded() const { return place_.bytes() > bytes_max_; }
  /// What came from the peer.
  [[nodiscard]] std::size_t bytes() const { return place_.bytes(); }
  /// What the kernel said of the connection, 0 for no error, ECONNRESET for a reset.
  [[nodiscard]] int error_number() const { return error_number_; }

 private:
  /// Bytes on their way to a socket that did not take them all.
  struct Rest {
    std::string bytes;
    std::size_t sent = 0;
    [[nodiscard]] bool empty() const { return sent == bytes.size(); }
  };
  /// A socket with what epoll was told last.
  struct End {
    Descriptor socket;
    std::uint32_t events = 0;
  };

  Pump(EventLoop& loop, Turns& turns, LingeringClose& lingering, Descriptor connection,
       Descriptor ours, Descriptor librarys, Descriptor busy, std::size_t bytes_max);

  void open(const std::function<void()>& opened);
  void take_turn();
  void move_in();
  void move_out();
  bool send_out();
  void note(int error_number);
  void reset_library();
  void wait();
  void watch(End& end, std::uint32_t events, void (Pump::*ready)(std::uint32_t));
  void connection_ready(std::uint32_t events);
  void ours_ready(std::uint32_t events);

  EventLoop& loop_;
  LingeringClose& lingering_;
  Turns::Place place_;
  std::size_t bytes_max_;
  End connection_;
  End ours_;
  Descriptor librarys_;   // the library's end, until open()
  Descriptor busy_;       // handed over at first
  int handed_over_ = -1;  // the library's
  EventLoop::Timer opening_;
  Rest in_;
  Rest out_;
  bool peer_ended_ = false;     // it sends no more
  bool library_ended_ = false;  // neither does the library
  int error_number_ = 0;
};

}  // namespace hostspin
