#include "secret.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

namespace hostspin::desk {

Secret::Secret() : bytes_(std::make_unique<char[]>(kSecretBytesMax)) {}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  wipe();
  bytes_ = std::move(other.bytes_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Secret::~Secret() { wipe(); }

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

void Secret::wipe() noexcept {
  if (bytes_) OPENSSL_cleanse(bytes_.get(), kSecretBytesMax);
}

}  // namespace hostspin::desk
