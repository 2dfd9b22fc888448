#include "secret.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace hostspin::desk {

void Secret::Wipe::operator()(char* bytes) const noexcept {
  OPENSSL_secure_clear_free(bytes, kSecretBytesMax);
}

Secret::Secret() : bytes_(static_cast<char*>(OPENSSL_secure_zalloc(kSecretBytesMax))) {}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Secret::~Secret() = default;

bool Secret::append(std::string_view bytes) {
  if (!bytes_ || bytes.size() > kSecretBytesMax - size_) return false;
  std::copy(bytes.begin(), bytes.end(), bytes_.get() + size_);
  size_ += bytes.size();
  return true;
}

bool Secret::equals(const Secret& other) const {
  return size_ == other.size_ && CRYPTO_memcmp(bytes_.get(), other.bytes_.get(), size_) == 0;
}

void Secret::drop_last() {
  if (size_ > 0) bytes_[--size_] = '\0';
}

}  // namespace hostspin::desk
