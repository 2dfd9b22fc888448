#include "tls_probe.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

namespace hostspin {

TlsProbe::TlsProbe(EventLoop& loop, Turns& turns, TlsTrust& trust, const Check& check,
                   Descriptor socket, std::chrono::milliseconds limit, Done done)
    : loop_(loop),
      pins_(check.spki),
      limit_(limit),
      socket_(std::move(socket)),
      place_(turns, [this] { take_turn(); }),
      done_(std::move(done)) {
  end_ = loop_.at(std::chrono::steady_clock::now() + limit_, [this] { time_up(); });
  if (set_up(trust, check)) step();
}

TlsProbe::~TlsProbe() {
  loop_.cancel(end_);
  loop_.unwatch(socket_.fd());
}

bool TlsProbe::set_up(TlsTrust& trust, const Check& check) {
  Result<TlsTrust::Connection> ssl = trust.connection(check.ca, check.server_name, finding_);
  if (!ssl) {
    const bool missing = ssl.error().code == Errc::bad_config;
    finish(missing ? Verdict::not_tried : Verdict::internal, ssl.error().detail);
    return false;
  }
  ssl_ = *std::move(ssl);
  if (BIO* bio = socket_.make_bio(); bio != nullptr) {
    SSL_set_bio(ssl_.get(), bio, bio);
    return true;
  }
  finish(Verdict::internal, take_openssl_error());
  return false;
}

void TlsProbe::time_up() {
  if (place_.bytes() >= kFloodBytesMin) {
    return finish(Verdict::flood, flood_detail(place_.bytes()));
  }
  finish(Verdict::tls_timeout, "no handshake within " + std::to_string(limit_.count()) + " ms");
}

void TlsProbe::take_turn() {
  place_.add(socket_.refill());
  if (place_.bytes() > kHandshakeBytesMax) {
    return finish(Verdict::flood, flood_detail(place_.bytes()));
  }
  step();
}

void TlsProbe::step() {
  if (finding_.is_shaken) return hear_out();
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  if (done == 1) return judge_peer();
  const int ssl_error = SSL_get_error(ssl_.get(), done);
  if (ssl_error == SSL_ERROR_WANT_READ) return wait(EPOLLIN);
  if (ssl_error == SSL_ERROR_WANT_WRITE) return wait(EPOLLOUT);
  judge_failure();
}

void TlsProbe::wait(std::uint32_t events) {
  if (std::exchange(events_, events) == events) return;
  if (!loop_.watch(socket_.fd(), events, [this](std::uint32_t) { place_.ask(); })) {
    finish(Verdict::internal, "cannot wait for a socket");
  }
}

void TlsProbe::judge_peer() {
  outcome_.days_left = finding_.days_left;
  if (!pins_.empty()) {
    const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
    const std::string pin = certificate == nullptr ? std::string() : spki_pin(certificate);
    if (pin.empty() || std::find(pins_.begin(), pins_.end(), pin) == pins_.end()) {
      return finish(Verdict::tls_pin, "its key is " + (pin.empty() ? "unreadable" : pin));
    }
  }
  (void)SSL_shutdown(ssl_.get());  // says goodbye; the answer is drained with the socket
  if (finding_.wants_client) return hear_out();
  hear_no_more();
}

// The server goes on or says goodbye too, or that it will not do without a certificate. An end
// without a word is no alert.
void TlsProbe::hear_out() {
  ERR_clear_error();
  char byte = 0;
  const int count = SSL_read(ssl_.get(), &byte, 1);
  const int ssl_error = SSL_get_error(ssl_.get(), count);
  ERR_clear_error();
  if (finding_.alert) return judge_failure();
  if (finding_.is_welcome) return hear_no_more();
  if (count <= 0 && ssl_error == SSL_ERROR_WANT_READ) return wait(EPOLLIN);
  if (count <= 0 && ssl_error == SSL_ERROR_WANT_WRITE) return wait(EPOLLOUT);
  hear_no_more();
}

void TlsProbe::hear_no_more() { finish(Verdict::ok, SSL_get_version(ssl_.get())); }

void TlsProbe::judge_failure() {
  outcome_.error_number = socket_.error_number();
  if (finding_.error == 0) finding_.error = ERR_peek_last_error();
  ERR_clear_error();
  TlsFailure failure = judge_handshake(finding_);
  finish(failure.verdict, std::move(failure.detail));
}

void TlsProbe::finish(Verdict verdict, std::string detail) {
  loop_.cancel(end_);
  loop_.unwatch(socket_.fd());
  place_.withdraw();
  outcome_.verdict = verdict;
  outcome_.detail = std::move(detail);
  outcome_.socket = socket_.release();
  end_ = loop_.soon([this] {
    const Done done = std::move(done_);  // it may destroy this
    Outcome result = std::move(outcome_);
    done(std::move(result));
  });
}

}  // namespace hostspin
