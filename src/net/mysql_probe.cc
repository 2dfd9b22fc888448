#include "mysql_probe.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace hostspin {

MysqlProbe::MysqlProbe(EventLoop& loop, const std::string& user, Descriptor socket,
                       std::chrono::milliseconds limit, Done done)
    : loop_(loop),
      limit_(limit),
      handshake_(user),
      socket_(std::move(socket)),
      done_(std::move(done)) {
  end_ = loop_.at(std::chrono::steady_clock::now() + limit_, [this] {
    std::string detail = "no " + std::string(handshake_.awaited()) + " within " +
                         std::to_string(limit_.count()) + " ms";
    // It resolves the client's address before it says a word.
    if (handshake_.awaited() == "greeting" && handshake_.pending() == 0) {
      detail += "; a server without skip_name_resolve first looks this host's name up";
    }
    finish(Verdict::mysql_timeout, std::move(detail));
  });
  if (!loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { receive(); })) {
    finish(Verdict::internal, "cannot wait for a socket");
  }
}

MysqlProbe::~MysqlProbe() {
  loop_.cancel(end_);
  if (socket_) loop_.unwatch(socket_.get());
}

void MysqlProbe::receive() {
  std::array<char, 2048> bytes;
  const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size < 0) return fail(errno);
  if (size == 0) {
    return finish(Verdict::mysql_bad,
                  "closed the connection instead of the " + std::string(handshake_.awaited()));
  }
  handshake_.take({bytes.data(), static_cast<std::size_t>(size)});
  const std::string output = handshake_.take_output();
  // It always fits: less than a kilobyte in all, on a connection that has sent nothing yet.
  const bool sent =
      output.empty() || ::send(socket_.get(), output.data(), output.size(),
                               MSG_DONTWAIT | MSG_NOSIGNAL) == static_cast<ssize_t>(output.size());
  const int error_number = errno;
  if (handshake_.finished()) return finish(handshake_.verdict(), handshake_.detail());
  if (!sent) fail(error_number);
}

void MysqlProbe::fail(int error_number) {
  outcome_.error_number = error_number;
  const bool cut_off = error_number == ECONNRESET || error_number == EPIPE;
  finish(cut_off ? Verdict::reset : Verdict::mysql_bad, strerror(error_number));
}

void MysqlProbe::finish(Verdict verdict, std::string detail) {
  loop_.cancel(end_);
  loop_.unwatch(socket_.get());
  outcome_.verdict = verdict;
  outcome_.detail = std::move(detail);
  outcome_.socket = std::move(socket_);
  end_ = loop_.soon([this] {
    const Done done = std::move(done_);  // it may destroy this
    Outcome result = std::move(outcome_);
    done(std::move(result));
  });
}

}  // namespace hostspin
