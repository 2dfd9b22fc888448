#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hostspin/ip.h"
#include "hostspin/result.h"

namespace hostspin {

/// A source's base URL taken apart (RFC 3986), with nothing in it that a resolver could ever see:
/// the host is an IP literal, or a strict host name that needs `addresses`; of s3://BUCKET/PREFIX
/// it is the bucket.
struct SourceURL {
  enum class Scheme { file, http, https, s3 };
  Scheme scheme = Scheme::https;
  std::string host;                  ///< a name; of an IPv6 literal without brackets;
  std::optional<IPAddress> literal;  ///< where the host is an IP literal
  std::uint16_t port = 443;
  std::string path;  ///< without a slash at its end; of file the directory
};

/// Errc::bad_config with the reason: user names, queries, fragments, percent signs, blanks and
/// other spellings of addresses are refused, not interpreted.
Result<SourceURL> parse_source_url(std::string_view text);

}  // namespace hostspin
