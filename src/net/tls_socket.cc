#include "tls_socket.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace hostspin {

const BIO_METHOD* TlsSocket::method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "one turn");
    if (fresh == nullptr || BIO_meth_set_read(fresh, read_some) != 1 ||
        BIO_meth_set_write(fresh, write_some) != 1 || BIO_meth_set_ctrl(fresh, control) != 1) {
      BIO_meth_free(fresh);
      fresh = nullptr;
    }
    return fresh;
  }();
  return made;
}

BIO* TlsSocket::make_bio() {
  if (method() == nullptr) return nullptr;
  BIO* bio = BIO_new(method());
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

std::size_t TlsSocket::refill() {
  if (first_ < last_ || ended_ || error_number_ != 0) return 0;
  const ssize_t size = ::recv(socket_.get(), bytes_.data(), bytes_.size(), MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (size < 0) error_number_ = errno;
  if (size == 0) ended_ = true;
  first_ = 0;
  last_ = size > 0 ? static_cast<std::size_t>(size) : 0;
  return last_;
}

int TlsSocket::read_some(BIO* bio, char* bytes, int size) noexcept {
  TlsSocket& self = *static_cast<TlsSocket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const std::size_t count =
      std::min(self.last_ - self.first_, static_cast<std::size_t>(std::max(size, 0)));
  if (count > 0) {
    std::copy_n(self.bytes_.data() + self.first_, count, bytes);
    self.first_ += count;
    return static_cast<int>(count);
  }
  if (self.ended_) return 0;
  errno = self.error_number_;
  if (self.error_number_ == 0) BIO_set_retry_read(bio);
  return -1;
}

int TlsSocket::write_some(BIO* bio, const char* bytes, int size) noexcept {
  TlsSocket& self = *static_cast<TlsSocket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const ssize_t sent = ::send(self.socket_.get(), bytes, static_cast<std::size_t>(size),
                              MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return static_cast<int>(sent);
  if (errno == EAGAIN || errno == EINTR) {
    BIO_set_retry_write(bio);
    return -1;
  }
  self.write_error_ = errno == EPIPE ? ECONNRESET : errno;
  return size;
}

long TlsSocket::control(BIO* bio, int command, long, void*) noexcept {
  const TlsSocket& self = *static_cast<const TlsSocket*>(BIO_get_data(bio));
  if (command == BIO_CTRL_EOF) return self.ended_ && self.first_ == self.last_ ? 1 : 0;
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

}  // namespace hostspin
