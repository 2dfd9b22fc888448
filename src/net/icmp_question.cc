#include "icmp_question.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "icmp_error.h"

namespace hostspin {
namespace {

constexpr std::chrono::milliseconds kLimit{300};

}  // namespace

IcmpQuestion::IcmpQuestion(EventLoop& loop, const IPAddress& address, std::uint16_t port, Done done)
    : loop_(loop), done_(std::move(done)) {
  end_ = loop_.at(std::chrono::steady_clock::now() + kLimit, [this] { finish({}); });
  const SocketAddress target(address, port);
  socket_ = Descriptor(::socket(target.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const bool sent = socket_ && keep_icmp_errors(socket_.get(), address.is_v6()) &&
                    ::connect(socket_.get(), target.get(), target.size) == 0 &&
                    ::send(socket_.get(), "", 1, MSG_NOSIGNAL) == 1;
  if (!sent) {
    const bool forbidden = errno == EPERM;
    finish(forbidden ? std::string("this machine's own firewall forbids a datagram to it (EPERM)")
                     : std::string("a datagram to it fails here: ") + strerror(errno));
    return;
  }
  if (!loop_.watch(socket_.get(), 0, [this](std::uint32_t) { read_errors(); })) finish({});
}

IcmpQuestion::~IcmpQuestion() {
  loop_.cancel(end_);
  if (socket_) loop_.unwatch(socket_.get());
}

void IcmpQuestion::read_errors() {
  if (const std::optional<IcmpError> found = take_icmp_error(socket_.get()); found) {
    finish(icmp_words(*found));
    return;
  }
  finish({});
}

void IcmpQuestion::finish(std::string text) {
  loop_.cancel(end_);
  if (socket_) loop_.unwatch(socket_.get());
  text_ = std::move(text);
  end_ = loop_.soon([this] {
    const Done done = std::move(done_);  // it may destroy this
    std::string result = std::move(text_);
    done(std::move(result));
  });
}

}  // namespace hostspin
