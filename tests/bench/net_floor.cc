// What connecting and shaking hands cost at the least: one epoll loop that does nothing else.
//
//   net_floor tcp PORT WINDOW           <addresses
//   net_floor tls PORT WINDOW NAME CA   <addresses
//
// Reads IPv4 addresses, one a line; prints how many succeeded. The benchmark holds hostspin-net
// against it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Peer {
  std::size_t number = 0;
  int fd = -1;
  SSL* ssl = nullptr;
};

class Floor {
 public:
  Floor(std::uint16_t port, SSL_CTX* context, std::string name)
      : port_(port), context_(context), name_(std::move(name)), epoll_(epoll_create1(0)) {}

  std::size_t run(const std::vector<in_addr>& addresses, std::size_t window) {
    std::vector<Peer> peers(addresses.size());
    std::array<epoll_event, 256> events;
    std::size_t started = 0;
    while (finished_ < addresses.size()) {
      for (; started < addresses.size() && started - finished_ < window; ++started) {
        peers[started].number = started;
        start(peers[started], addresses[started]);
      }
      const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 5000);
      if (count <= 0) break;
      for (int i = 0; i < count; ++i) {
        step(peers[events[static_cast<std::size_t>(i)].data.u64]);
      }
    }
    return succeeded_;
  }

 private:
  void start(Peer& peer, in_addr address) {
    sockaddr_in target{};
    target.sin_family = AF_INET;
    target.sin_port = htons(port_);
    target.sin_addr = address;
    peer.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int done = connect(peer.fd, reinterpret_cast<sockaddr*>(&target), sizeof target);
    if (done != 0 && errno != EINPROGRESS) return finish(peer, false);
    wait(peer, EPOLLOUT, EPOLL_CTL_ADD);
  }

  void wait(const Peer& peer, std::uint32_t events, int how) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = peer.number;
    epoll_ctl(epoll_, how, peer.fd, &event);
  }

  void finish(Peer& peer, bool success) {
    if (success) ++succeeded_;
    ++finished_;
    SSL_free(peer.ssl);
    close(peer.fd);
    peer.fd = -1;
  }

  void step(Peer& peer) {
    if (peer.fd < 0) return;
    if (peer.ssl == nullptr) {
      int error = 0;
      socklen_t size = sizeof error;
      getsockopt(peer.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error != 0 || context_ == nullptr) return finish(peer, error == 0);
      peer.ssl = SSL_new(context_);
      SSL_set_fd(peer.ssl, peer.fd);
      SSL_set1_host(peer.ssl, name_.c_str());
      SSL_ctrl(peer.ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name_.data());
      SSL_set_connect_state(peer.ssl);
    }
    const int done = SSL_do_handshake(peer.ssl);
    if (done == 1) return finish(peer, SSL_get_verify_result(peer.ssl) == X509_V_OK);
    const int wanted = SSL_get_error(peer.ssl, done);
    if (wanted != SSL_ERROR_WANT_READ && wanted != SSL_ERROR_WANT_WRITE) {
      return finish(peer, false);
    }
    wait(peer, wanted == SSL_ERROR_WANT_READ ? EPOLLIN : EPOLLOUT, EPOLL_CTL_MOD);
  }

  std::uint16_t port_;
  SSL_CTX* context_;
  std::string name_;
  int epoll_;
  std::size_t finished_ = 0;
  std::size_t succeeded_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bool tls = argc == 6 && std::string(argv[1]) == "tls";
  if (!tls && argc != 4) return 3;
  std::vector<in_addr> addresses;
  for (std::string line; std::getline(std::cin, line);) {
    in_addr address{};
    if (inet_pton(AF_INET, line.c_str(), &address) != 1) return 3;
    addresses.push_back(address);
  }
  SSL_CTX* context = tls ? SSL_CTX_new(TLS_client_method()) : nullptr;
  if (tls) {
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_load_verify_locations(context, argv[5], nullptr) != 1) return 3;
  }
  Floor floor(static_cast<std::uint16_t>(std::atoi(argv[2])), context, tls ? argv[4] : "");
  std::printf("%zu\n", floor.run(addresses, static_cast<std::size_t>(std::atoi(argv[3]))));
  return 0;
}
