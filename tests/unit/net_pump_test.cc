#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string>

#include "catch.h"
#include "pump.h"
#include "socket_address.h"

using namespace hostspin;
using namespace std::chrono_literals;

namespace {

// Two ends of a connection on loopback: the peer's, and the one that is pumped.
struct Connection {
  explicit Connection(const char* loopback = "127.0.0.1") {
    const SocketAddress any(IPAddress::parse(loopback).value(), 0);
    const Descriptor listener(socket(any.family(), SOCK_STREAM, 0));
    REQUIRE(bind(listener.get(), any.get(), any.size) == 0);
    REQUIRE(listen(listener.get(), 1) == 0);
    sockaddr_storage here{};
    socklen_t size = sizeof here;
    auto* const address = reinterpret_cast<sockaddr*>(&here);
    REQUIRE(getsockname(listener.get(), address, &size) == 0);
    ours = Descriptor(socket(any.family(), SOCK_STREAM, 0));
    REQUIRE(connect(ours.get(), address, size) == 0);
    peer = Descriptor(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
  }
  Descriptor peer;
  Descriptor ours;
};

// A pump whose library is the test.
struct Pumped {
  explicit Pumped(std::size_t bytes_max = 1U << 20U)
      : pump(Pump::make(loop, turns, lingering, connection.ours, bytes_max).value()),
        library(pump->hand_over([this] { opened = true; })) {
    while (!opened) loop.run_once();
  }

  // Laps of the loop, none of which waits for long.
  void run(int laps = 20) {
    for (; laps > 0; --laps) {
      loop.soon([] {});
      loop.run_once();
    }
  }
  // All that the library can read now; what stopped it is in `error`, 0 for the end.
  std::string read_all() {
    std::array<char, 65536> bytes{};
    std::string all;
    for (;;) {
      const ssize_t size = recv(library.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
      error = size < 0 ? errno : 0;
      if (size <= 0) return all;
      all.append(bytes.data(), static_cast<std::size_t>(size));
    }
  }
  void peer_says(std::string_view text) const {
    REQUIRE(send(connection.peer.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }

  EventLoop loop = std::move(EventLoop::make()).value();
  LingeringClose lingering{loop};
  Turns turns{loop};
  Connection connection;
  bool opened = false;
  std::unique_ptr<Pump> pump;
  Descriptor library;
  int error = -1;
};

std::string received(const Descriptor& socket) {
  std::array<char, 4096> bytes{};
  const ssize_t size = recv(socket.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  return size < 0 ? "nothing" : std::string(bytes.data(), static_cast<std::size_t>(size));
}

bool is_writable(int socket) {
  pollfd waited{socket, POLLOUT, 0};
  return poll(&waited, 1, 0) != 0;
}

bool has_loopback(const char* loopback) {
  const SocketAddress any(IPAddress::parse(loopback).value(), 0);
  const Descriptor socket(::socket(any.family(), SOCK_DGRAM, 0));
  return socket && bind(socket.get(), any.get(), any.size) == 0;
}

}  // namespace

// What libcurl 7.88 does to a socket that it is told is connected.
TEST_CASE("what is handed over is busy however it is connected, and sends nothing", "[pump]") {
  for (const char* const loopback : {"127.0.0.1", "::1"}) {
    if (!has_loopback(loopback)) continue;
    CAPTURE(loopback);
    Connection connection(loopback);
    sockaddr_storage here{};
    socklen_t size = sizeof here;
    auto* const address = reinterpret_cast<sockaddr*>(&here);
    REQUIRE(getsockname(connection.ours.get(), address, &size) == 0);
    const Descriptor witness(socket(here.ss_family, SOCK_DGRAM, 0));
    REQUIRE(bind(witness.get(), address, size) == 0);

    EventLoop loop = std::move(EventLoop::make()).value();
    LingeringClose lingering{loop};
    Turns turns{loop};
    const std::unique_ptr<Pump> pump =
        Pump::make(loop, turns, lingering, connection.ours, 1U << 20U).value();
    bool opened = false;
    const Descriptor library(pump->hand_over([&opened] { opened = true; }));
    REQUIRE(library);
    CHECK_FALSE(is_writable(library.get()));
    address->sa_family = AF_UNSPEC;
    CHECK(connect(library.get(), address, size) == 0);
    CHECK_FALSE(is_writable(library.get()));
    int error = -1;
    socklen_t error_size = sizeof error;
    CHECK(getsockopt(library.get(), SOL_SOCKET, SO_ERROR, &error, &error_size) == 0);
    CHECK(error == 0);
    CHECK(send(library.get(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == -1);
    CHECK(received(witness) == "nothing");
    while (!opened) loop.run_once();
    CHECK(is_writable(library.get()));
    CHECK(received(witness) == "nothing");
  }
}

TEST_CASE("a pump passes bytes both ways, and the end after them", "[pump]") {
  Pumped pumped;
  REQUIRE(send(pumped.library.get(), "question", 8, 0) == 8);
  pumped.peer_says("answer");
  pumped.run();
  CHECK(received(pumped.connection.peer) == "question");
  CHECK(pumped.read_all() == "answer");
  CHECK(pumped.error == EAGAIN);
  REQUIRE(shutdown(pumped.connection.peer.get(), SHUT_WR) == 0);
  pumped.run();
  CHECK(pumped.read_all().empty());
  CHECK(pumped.error == 0);
  // Half-closed: the library may still speak.
  REQUIRE(send(pumped.library.get(), "thanks", 6, 0) == 6);
  pumped.run();
  CHECK(received(pumped.connection.peer) == "thanks");
}

TEST_CASE("what a pump holds is bounded, however much the peer sends", "[pump]") {
  Pumped pumped;
  const std::string chunk(1U << 18U, 'x');
  (void)send(pumped.connection.peer.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
  pumped.run(200);
  const std::size_t held = pumped.read_all().size();
  CHECK(held > 0);
  CHECK(held <= 8 * kTurnBytesMax);
  pumped.run(1);
  CHECK(pumped.read_all().size() <= 2 * kTurnBytesMax);  // one lap brings little
  CHECK_FALSE(pumped.pump->flooded());
}

TEST_CASE("after all that an attempt may take in the library sees a reset", "[pump]") {
  Pumped pumped(10000);
  const std::string chunk(50000, 'x');
  pumped.peer_says(chunk);
  std::string all;
  do {
    pumped.run(1);
    all += pumped.read_all();
  } while (pumped.error == EAGAIN);
  CHECK(pumped.pump->flooded());
  CHECK(all.size() <= 10000);
  CHECK(pumped.error == ECONNRESET);
  CHECK(pumped.pump->error_number() == 0);  // the connection itself has none
}

TEST_CASE("a reset is an end after what came before it, and is told apart", "[pump]") {
  Pumped pumped;
  pumped.peer_says("last words");
  pumped.run();
  const linger at_once{1, 0};
  REQUIRE(setsockopt(pumped.connection.peer.get(), SOL_SOCKET, SO_LINGER, &at_once,
                     sizeof at_once) == 0);
  pumped.connection.peer = Descriptor();
  pumped.run();
  CHECK(pumped.read_all() == "last words");
  CHECK(pumped.error == 0);
  CHECK(pumped.pump->error_number() == ECONNRESET);
}

TEST_CASE("an answer that came before the question is read, though the peer is gone", "[pump]") {
  Pumped pumped;
  pumped.peer_says("go away");
  const linger at_once{1, 0};
  REQUIRE(setsockopt(pumped.connection.peer.get(), SOL_SOCKET, SO_LINGER, &at_once,
                     sizeof at_once) == 0);
  pumped.connection.peer = Descriptor();
  REQUIRE(send(pumped.library.get(), "question", 8, MSG_NOSIGNAL) == 8);
  pumped.run();
  CHECK(pumped.read_all() == "go away");
  CHECK(pumped.error == 0);
  CHECK(pumped.pump->error_number() == ECONNRESET);
}

TEST_CASE("what the library wrote last leaves before the connection is closed", "[pump]") {
  Pumped pumped;
  REQUIRE(send(pumped.library.get(), "bye", 3, 0) == 3);
  CHECK(pumped.pump->serves(pumped.library.get()));
  pumped.library = Descriptor();
  pumped.pump->finish();
  pumped.run();
  CHECK(received(pumped.connection.peer) == "bye");
  CHECK(received(pumped.connection.peer).empty());  // an end, and no reset
}

TEST_CASE("a pump gives out one descriptor, which is busy until the loop's next lap", "[pump]") {
  EventLoop loop = std::move(EventLoop::make()).value();
  LingeringClose lingering(loop);
  Turns turns(loop);
  Connection connection;
  std::unique_ptr<Pump> pump =
      Pump::make(loop, turns, lingering, connection.ours, 1000).value();
  bool opened = false;
  const Descriptor library(pump->hand_over([&] { opened = true; }));
  REQUIRE(library);
  CHECK(pump->hand_over([] {}) == -1);
  const sockaddr nowhere{};  // AF_UNSPEC
  CHECK(connect(library.get(), &nowhere, sizeof nowhere) == 0);
  CHECK(send(library.get(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == -1);
  loop.run_once();
  CHECK(opened);
  CHECK(send(library.get(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) == 1);
}
