#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace hostspin::desk {

inline constexpr std::size_t kSecretBytesMax = 16384;

/// Bytes that are wiped when they go: a passphrase, or a private key's file. Its storage is taken
/// once at full size, so that growing leaves no copy behind, from the heap of protect_process().
class Secret {
 public:
  Secret();
  Secret(Secret&&) noexcept;
  Secret& operator=(Secret&&) noexcept;
  ~Secret();

  /// False, and nothing appended, once kSecretBytesMax would be passed.
  [[nodiscard]] bool append(std::string_view bytes);
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool equals(const Secret& other) const;
  void drop_last();

 private:
  struct Wipe {
    void operator()(char* bytes) const noexcept;
  };
  std::unique_ptr<char[], Wipe> bytes_;  ///< null once that heap is full: then nothing fits
  std::size_t size_ = 0;
};

}  // namespace hostspin::desk
