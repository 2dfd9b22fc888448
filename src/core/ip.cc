#include "hostspin/ip.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace hostspin {
namespace {

constexpr int kBitsV4 = 32;
constexpr int kBitsV6 = 128;

/// Whether the first `length` bits of both are equal.
bool same_bits(const std::uint8_t* a, const std::uint8_t* b, int length) {
  const auto whole = static_cast<std::size_t>(length / 8);
  if (!std::equal(a, a + whole, b)) return false;
  const int rest = length % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xffU << static_cast<unsigned>(8 - rest));
  return ((a[whole] ^ b[whole]) & mask) == 0;
}

std::optional<IPAddress> parse_any_form(const std::string& text) {
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) {
    return IPAddress::from_bytes(bytes.data(), false);
  }
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) {
    return IPAddress::from_bytes(bytes.data(), true);
  }
  return std::nullopt;
}

}  // namespace

Result<IPAddress> IPAddress::parse(std::string_view text) {
  const std::optional<IPAddress> address = parse_any_form(std::string(text));
  if (!address) return {Errc::usage, quoted(text) + " is not a canonical IP address"};
  // One spelling only, so that equal addresses are equal bytes in every file and comparison. This
  // also catches a NUL, behind which inet_pton saw nothing.
  const std::string canonical = address->to_string();
  if (canonical != text) {
    return {Errc::usage,
            quoted(text) + " is not a canonical IP address (RFC 5952 writes it " + canonical + ")"};
  }
  return *address;
}

IPAddress IPAddress::from_bytes(const std::uint8_t* bytes, bool is_v6) {
  IPAddress address;
  address.is_v6_ = is_v6;
  std::copy_n(bytes, is_v6 ? 16 : 4, address.bytes_.begin());
  return address;
}

std::string IPAddress::to_string() const {
  if (!is_v6_) {  // as inet_ntop() has it, without its printf: a manifest's addresses are many
    std::string text = std::to_string(bytes_[0]);
    for (std::size_t i = 1; i < 4; ++i) text += '.' + std::to_string(bytes_[i]);
    return text;
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  (void)inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());  // the buffer fits
  return text.data();
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return {Errc::usage, quoted(text) + " is not an address prefix: no '/' and length"};
  }
  Result<IPAddress> network = IPAddress::parse(text.substr(0, slash));
  if (!network) {
    return annotate(std::move(network).error(), quoted(text) + " is not an address prefix");
  }

  const std::string_view digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), length, 10);
  const bool canonical = failure == std::errc() && end == digits.data() + digits.size() &&
                         std::to_string(length) == digits;
  if (!canonical || length < 0 || length > (network->is_v6() ? kBitsV6 : kBitsV4)) {
    return {Errc::usage, quoted(text) + " is not an address prefix: the length is not one"};
  }

  // The bits behind the prefix must be zero: comparing with an address of which only they are set
  // would need a second copy, so clear them and compare the whole.
  std::array<std::uint8_t, 16> kept{};
  const std::array<std::uint8_t, 16>& given = network->bytes();
  for (int bit = 0; bit < length; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    kept[byte] = static_cast<std::uint8_t>(
        kept[byte] | (given[byte] & (0x80U >> static_cast<unsigned>(bit % 8))));
  }
  if (kept != given) {
    const std::string cleared =
        IPAddress::from_bytes(kept.data(), network->is_v6()).to_string() + "/";
    return {Errc::usage,
            quoted(text) + " has host bits: the prefix is " + cleared + std::to_string(length)};
  }
  return Prefix(*network, length);
}

bool Prefix::contains(const IPAddress& address) const {
  return address.is_v6() == network_.is_v6() &&
         same_bits(address.bytes().data(), network_.bytes().data(), length_);
}

std::string Prefix::to_string() const {
  return network_.to_string() + '/' + std::to_string(length_);
}

bool is_forbidden(const IPAddress& address) {
  struct Range {
    bool is_v6;
    int length;
    std::array<std::uint8_t, 16> bits;
  };
  static constexpr std::array<Range, 13> kForbidden{{
      {false, 8, {0}},                       // 0.0.0.0/8, this host
      {false, 8, {127}},                     // 127.0.0.0/8, loopback
      {false, 16, {169, 254}},               // 169.254.0.0/16, link-local and metadata services
      {false, 3, {224}},                     // 224.0.0.0/3, multicast, reserved, broadcast
      {false, 32, {100, 100, 100, 200}},     // metadata service of one provider
      {false, 32, {168, 63, 129, 16}},       // and of another
      {true, 8, {0}},                        // ::/8, unspecified, loopback, IPv4-mapped
      {true, 10, {0xfe, 0x80}},              // fe80::/10, link-local
      {true, 10, {0xfe, 0xc0}},              // fec0::/10, site-local
      {true, 8, {0xff}},                     // ff00::/8, multicast
      {true, 32, {0xfd, 0x00, 0x0e, 0xc2}},  // fd00:ec2::/32, metadata service over IPv6
      // fd00:c1::a9fe:a9fe and fd20:ce::254, those of two other providers
      {true, 128, {0xfd, 0x00, 0x00, 0xc1, 0, 0, 0, 0, 0, 0, 0, 0, 0xa9, 0xfe, 0xa9, 0xfe}},
      {true, 128, {0xfd, 0x20, 0x00, 0xce, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54}},
  }};
  return std::any_of(kForbidden.begin(), kForbidden.end(), [&](const Range& range) {
    return range.is_v6 == address.is_v6() &&
           same_bits(address.bytes().data(), range.bits.data(), range.length);
  });
}

}  // namespace hostspin
