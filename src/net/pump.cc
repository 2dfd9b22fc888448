#include "pump.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace hostspin {
namespace {

// What may lie in the pair towards the library: the kernel doubles it, and counts its own
// book-keeping.
constexpr int kPairBytes = 2 * static_cast<int>(kTurnBytesMax);

bool set_option(int socket, int level, int option, int value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

// libcurl calls connect(2) on what it is handed, whatever it was told (7.88), and goes on at once
// when that works. A UDP socket whose buffer is full can be "connected" (with AF_UNSPEC) without
// becoming writable, and so makes libcurl wait for it. What fills it waits for more (MSG_MORE), and
// goes with the socket: it is as long as a datagram can be, so more is refused and takes all of it
// along. Its destination, should it ever leave, is this machine's own end of the connection, to
// which there is a route even without lo. A pair of AF_UNIX datagram sockets would do as well, and
// could be connected to anybody's.
Descriptor make_busy_socket(int connection) {
  sockaddr_storage here{};
  socklen_t size = sizeof here;
  auto* const address = reinterpret_cast<sockaddr*>(&here);
  if (::getsockname(connection, address, &size) != 0) return {};
  Descriptor busy(::socket(address->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // A length of 16 bits, of which UDP's header is a part, and IPv4's.
  constexpr std::size_t kFillingMax = 65535 - 8;
  constexpr std::size_t kIpv4Header = 20;
  static constexpr std::array<char, kFillingMax> kFilling{};
  const std::size_t filling = kFillingMax - (address->sa_family == AF_INET ? kIpv4Header : 0);
  // The kernel doubles it, and calls the socket writable while less than half of that is taken.
  const bool is_full =
      busy && set_option(busy.get(), SOL_SOCKET, SO_SNDBUF, kFillingMax / 2) &&
      ::connect(busy.get(), address, size) == 0 &&
      ::send(busy.get(), kFilling.data(), filling, MSG_MORE | MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
  return is_full ? std::move(busy) : Descriptor();
}

Error no_socket(const std::string& what) {
  const int error_number = errno;
  return {is_shortage(error_number) ? Errc::busy : Errc::internal,
          what + ": " + strerror(error_number)};
}

bool is_passing(int error_number) { return error_number == EAGAIN || error_number == EINTR; }

}  // namespace

Result<std::unique_ptr<Pump>> Pump::make(EventLoop& loop, Turns& turns, LingeringClose& lingering,
                                         Descriptor& connection, std::size_t bytes_max) {
  int pair[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
    return no_socket("cannot make a pair of sockets");
  }
  Descriptor ours(pair[0]);
  Descriptor librarys(pair[1]);
  Descriptor busy = make_busy_socket(connection.get());
  if (!busy) return no_socket("cannot make a socket that is busy");
  (void)set_option(ours.get(), SOL_SOCKET, SO_SNDBUF, kPairBytes);
  // The library sets it on its end, which is none of TCP's.
  (void)set_option(connection.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  return std::unique_ptr<Pump>(new Pump(loop, turns, lingering, std::move(connection),
                                        std::move(ours), std::move(librarys), std::move(busy),
                                        bytes_max));
}

Pump::Pump(EventLoop& loop, Turns& turns, LingeringClose& lingering, Descriptor connection,
           Descriptor ours, Descriptor librarys, Descriptor busy, std::size_t bytes_max)
    : loop_(loop),
      lingering_(lingering),
      place_(turns, [this] { take_turn(); }),
      bytes_max_(bytes_max),
      connection_{std::move(connection)},
      ours_{std::move(ours)},
      librarys_(std::move(librarys)),
      busy_(std::move(busy)) {
  wait();
}

int Pump::hand_over(std::function<void()> opened) {
  if (!librarys_ || handed_over_ >= 0) return -1;
  handed_over_ = busy_.release();
  opening_ = loop_.soon([this, opened = std::move(opened)] { open(opened); });
  return handed_over_;
}

void Pump::open(const std::function<void()>& opened) {
  opening_ = EventLoop::Timer{};
  (void)::dup3(librarys_.get(), handed_over_, O_CLOEXEC);
  librarys_ = Descriptor();
  opened();
}

void Pump::cork() { (void)set_option(connection_.socket.get(), IPPROTO_TCP, TCP_CORK, 1); }

void Pump::uncork() {
  move_out();
  (void)set_option(connection_.socket.get(), IPPROTO_TCP, TCP_CORK, 0);
}

void Pump::finish() {
  if (!connection_.socket) return;
  move_out();
  place_.withdraw();
  loop_.cancel(opening_);
  loop_.unwatch(connection_.socket.get());
  loop_.unwatch(ours_.socket.get());
  ours_.socket = Descriptor();
  Descriptor connection = std::move(connection_.socket);
  // A peer that floods gets a reset: it would have to be drained for as long as it is let.
  if (!flooded()) lingering_.close(std::move(connection));
}

// --- from the peer to the library

void Pump::connection_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) move_out();
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0) place_.ask();
}

void Pump::take_turn() {
  if (peer_ended_ || !in_.empty()) return;
  in_.bytes.resize(kTurnBytesMax);
  in_.sent = 0;
  const ssize_t size =
      ::recv(connection_.socket.get(), in_.bytes.data(), in_.bytes.size(), MSG_DONTWAIT);
  const int error_number = errno;
  in_.bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (size < 0 && is_passing(error_number)) return;
  if (size < 0) note(error_number);
  place_.add(in_.bytes.size());
  if (flooded()) return reset_library();
  if (size <= 0) peer_ended_ = true;
  move_in();
}

void Pump::move_in() {
  while (!in_.empty()) {
    const ssize_t size = ::send(ours_.socket.get(), in_.bytes.data() + in_.sent,
                                in_.bytes.size() - in_.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) {  // the library reads no more
      peer_ended_ = true;
      in_ = Rest{};
      break;
    }
    in_.sent += static_cast<std::size_t>(size);
  }
  if (in_.empty() && peer_ended_) (void)::shutdown(ours_.socket.get(), SHUT_WR);
  wait();
}

// --- from the library to the peer

void Pump::ours_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) move_in();
  if (ours_.socket && (events & ~std::uint32_t{EPOLLOUT}) != 0) move_out();
}

void Pump::move_out() {
  while (ours_.socket && send_out() && !library_ended_) {
    out_.bytes.resize(kTurnBytesMax);
    out_.sent = 0;
    const ssize_t size =
        ::recv(ours_.socket.get(), out_.bytes.data(), out_.bytes.size(), MSG_DONTWAIT);
    out_.bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    if (size < 0 && is_passing(errno)) break;
    if (size <= 0) library_ended_ = true;
  }
  wait();
}

// Whether all of it is gone.
bool Pump::send_out() {
  while (!out_.empty()) {
    const ssize_t size = ::send(connection_.socket.get(), out_.bytes.data() + out_.sent,
                                out_.bytes.size() - out_.sent, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return false;
    if (size < 0) {
      // Nobody is there to hear it, but what the peer said before it went may be an answer.
      note(errno);
      library_ended_ = true;
      out_ = Rest{};
      return false;
    }
    out_.sent += static_cast<std::size_t>(size);
  }
  return true;
}

// --- the end

void Pump::note(int error_number) {
  if (error_number_ == 0) error_number_ = error_number == EPIPE ? ECONNRESET : error_number;
}

// A flood has no end, so the library sees a reset: a socket of a pair that is closed with bytes
// unread resets the other one.
void Pump::reset_library() {
  peer_ended_ = true;
  library_ended_ = true;
  in_ = Rest{};
  out_ = Rest{};
  wait();
  (void)::send(librarys_ ? librarys_.get() : handed_over_, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
  ours_.socket = Descriptor();
}

// --- waiting

void Pump::wait() {
  const bool reads = !peer_ended_ && in_.empty();
  const bool pulls = !library_ended_ && out_.empty();
  watch(connection_, (reads ? EPOLLIN : 0U) | (out_.empty() ? 0U : EPOLLOUT),
        &Pump::connection_ready);
  watch(ours_, (pulls ? EPOLLIN : 0U) | (in_.empty() ? 0U : EPOLLOUT), &Pump::ours_ready);
}

// Nothing to wait for is no watch at all: epoll would go on telling of an error or an end.
void Pump::watch(End& end, std::uint32_t events, void (Pump::*ready)(std::uint32_t)) {
  if (!end.socket || end.events == events) return;
  end.events = events;
  if (events == 0) return loop_.unwatch(end.socket.get());
  (void)loop_.watch(end.socket.get(), events,
                    [this, ready](std::uint32_t found) { (this->*ready)(found); });
}

}  // namespace hostspin
