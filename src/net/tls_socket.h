#pragma once

#include <openssl/bio.h>

#include <array>
#include <cstddef>

#include "descriptor.h"
#include "turns.h"

namespace hostspin {

/// A connection that OpenSSL reads a turn at a time: it gets what the last refill() took in, and is
/// then told to come back, however much more the peer has sent. What a peer said before it went is
/// heard, even if it is gone before we have spoken: a write that fails says so only at the end of
/// what there is to read.
class TlsSocket {
 public:
  explicit TlsSocket(Descriptor socket) : socket_(std::move(socket)) {}
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;

  /// A source and sink for SSL_set_bio(), which takes it over; null for lack of memory. Not to be
  /// used after this.
  [[nodiscard]] BIO* make_bio();
  /// Reads once, if all that was read before is used up. The bytes that came.
  std::size_t refill();

  [[nodiscard]] int fd() const { return socket_.get(); }
  /// The connection itself, to be closed by the caller.
  [[nodiscard]] Descriptor release() { return std::move(socket_); }
  /// What the kernel said of the connection, 0 for no error.
  [[nodiscard]] int error_number() const {
    return error_number_ != 0 ? error_number_ : write_error_;
  }

 private:
  static int read_some(BIO* bio, char* bytes, int size) noexcept;
  static int write_some(BIO* bio, const char* bytes, int size) noexcept;
  static long control(BIO* bio, int command, long number, void* pointer) noexcept;
  static const BIO_METHOD* method();

  Descriptor socket_;
  std::array<char, kTurnBytesMax> bytes_;
  std::size_t first_ = 0;
  std::size_t last_ = 0;
  bool ended_ = false;
  int error_number_ = 0;
  int write_error_ = 0;
};

}  // namespace hostspin
