#include "source_url.h"

#include <algorithm>
#include <charconv>

#include "hostspin/host_name.h"

namespace hostspin {
namespace {

constexpr std::size_t kURLBytesMax = 1024;

bool is_path_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
         c == '.' || c == '_' || c == '-' || c == '~' || c == '+' || c == '=';
}

// What is the same before and after S3's canonical encoding.
bool is_s3_key_byte(char c) { return is_path_byte(c) && c != '~' && c != '+' && c != '='; }

// S3's own rules: 3 to 63 of a-z, 0-9, - and ., a letter or digit at both ends, no empty label, and
// not like an address.
bool is_bucket(std::string_view name) {
  constexpr std::size_t kBytesMin = 3;
  constexpr std::size_t kBytesMax = 63;
  const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return name.size() >= kBytesMin && name.size() <= kBytesMax && is_plain(name.front()) &&
         is_plain(name.back()) && name.find("..") == std::string_view::npos &&
         name.find(".-") == std::string_view::npos && name.find("-.") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_plain(c) || c == '-' || c == '.'; }) &&
         !IPAddress::parse(name);
}

Error refuse(std::string_view url, std::string why) {
  return Error{Errc::bad_config, "url " + quoted(url) + ": " + std::move(why)};
}

Result<std::uint16_t> parse_port(std::string_view url, std::string_view digits) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port < 1 || port > 65535) {
    return refuse(url, "the port is not a number from 1 to 65535");
  }
  return static_cast<std::uint16_t>(port);
}

/// Host and port of "host[:port]".
Result<void> parse_authority(std::string_view url, std::string_view authority, SourceURL& parsed) {
  std::string_view host = authority;
  std::string_view port;
  const bool bracketed = authority.starts_with('[');
  if (bracketed) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return refuse(url, "a '[' without its ']'");
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!port.empty() && port.front() != ':') return refuse(url, "text after ']'");
  } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (!port.empty()) {
    Result<std::uint16_t> number = parse_port(url, port.substr(1));
    if (!number) return std::move(number).error();
    parsed.port = *number;
  }

  parsed.host = std::string(host);
  if (Result<IPAddress> literal = IPAddress::parse(host)) {
    if (literal->is_v6() != bracketed)
      return refuse(url, "an IPv6 address stands in brackets, and no other host does");
    parsed.literal = *literal;
    return {};
  }
  if (bracketed) return refuse(url, "no canonical IPv6 address in the brackets");
  if (Result<HostName> name = HostName::parse(host); !name) {
    return refuse(
        url, "the host is neither a canonical IP address nor a host name: " + name.error().detail);
  }
  return {};
}

}  // namespace

Result<SourceURL> parse_source_url(std::string_view text) {
  if (text.size() > kURLBytesMax) return refuse(text, "longer than 1024 bytes");
  const std::size_t mark = text.find("://");
  const std::string_view scheme = mark == std::string_view::npos ? "" : text.substr(0, mark);
  SourceURL parsed;
  if (scheme == "file") {
    parsed.scheme = SourceURL::Scheme::file;
  } else if (scheme == "http") {
    parsed.scheme = SourceURL::Scheme::http;
    parsed.port = 80;
  } else if (scheme == "https") {
    parsed.scheme = SourceURL::Scheme::https;
  } else if (scheme == "s3") {
    parsed.scheme = SourceURL::Scheme::s3;
  } else {
    return refuse(text, "must begin with https://, http://, s3:// or file:///");
  }

  const std::string_view rest = text.substr(mark + 3);
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view path = rest.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!std::all_of(path.begin(), path.end(), is_path_byte)) {
    return refuse(text, "the path may hold letters, digits and / . _ - ~ + = only");
  }
  parsed.path = std::string(path);

  const std::string_view authority = rest.substr(0, slash);
  if (parsed.scheme == SourceURL::Scheme::file) {
    if (!authority.empty())
      return refuse(text, "a file URL has three slashes and an absolute path");
    if (parsed.path.empty()) parsed.path = "/";
    return parsed;
  }
  if (parsed.scheme == SourceURL::Scheme::s3) {
    if (!is_bucket(authority)) return refuse(text, "the bucket's name is not one that S3 allows");
    if (!std::all_of(path.begin(), path.end(), is_s3_key_byte)) {
      return refuse(text, "the prefix may hold letters, digits and / . _ - only");
    }
    parsed.host = std::string(authority);
    return parsed;
  }
  if (authority.empty()) return refuse(text, "has no host");
  if (authority.find('@') != std::string_view::npos)
    return refuse(text, "a user name is not allowed");
  if (Result<void> done = parse_authority(text, authority, parsed); !done)
    return std::move(done).error();
  return parsed;
}

}  // namespace hostspin
