#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "hostspin/result.h"

namespace hostspin {

/// An IPv4 or IPv6 address read from its canonical text: dotted quad without leading zeros, or
/// RFC 5952 section 4. No zone, port or prefix.
class IPAddress {
 public:
  /// Errc::usage unless `text` is exactly the canonical form.
  static Result<IPAddress> parse(std::string_view text);
  /// From 4 or 16 bytes in network order (what the kernel gives).
  static IPAddress from_bytes(const std::uint8_t* bytes, bool is_v6);

  [[nodiscard]] bool is_v6() const { return is_v6_; }
  /// Network order; the first 4 are used for IPv4.
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  [[nodiscard]] std::string to_string() const;

  // clang-tidy 14 takes what the compiler writes here for a null pointer constant.
  auto operator<=>(const IPAddress&) const = default;  // NOLINT(modernize-use-nullptr)

 private:
  IPAddress() = default;
  bool is_v6_ = false;
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address prefix, "10.0.0.0/8", without host bits.
class Prefix {
 public:
  static Result<Prefix> parse(std::string_view text);

  [[nodiscard]] bool contains(const IPAddress& address) const;
  [[nodiscard]] bool is_v6() const { return network_.is_v6(); }
  [[nodiscard]] int length() const { return length_; }
  [[nodiscard]] std::string to_string() const;

  bool operator==(const Prefix&) const = default;

 private:
  Prefix(IPAddress network, int length) : network_(network), length_(length) {}
  IPAddress network_;
  int length_;
};

/// Whether no signature may ever pin a name to `address`: "this host", loopback, link-local, multicast,
/// mapped and site-local ranges, and the metadata services of cloud providers.
[[nodiscard]] bool is_forbidden(const IPAddress& address);

}  // namespace hostspin
