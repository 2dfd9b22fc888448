#include "config_source.h"

#include <algorithm>
#include <array>

#include "source_url.h"

namespace hostspin {
namespace {

constexpr std::array<std::string_view, 9> kKeys{"url",        "addresses", "priority",
                                                "ca",         "pins",      "client_certificate",
                                                "client_key", "proxy",     "region"};
constexpr int kPriorityMax = 1000;
constexpr std::size_t kPinsMax = 8;
constexpr std::size_t kRegionBytesMax = 32;

/// Amazon's names of regions: "eu-central-1".
bool is_region(std::string_view text) {
  return !text.empty() && text.size() <= kRegionBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

/// Where S3 serves a bucket. A name of its own for each, as Amazon wants it; but a certificate's
/// wildcard covers one label, so that a bucket with a dot is reached by its path.
std::string s3_url(const SourceURL& url, const std::string& region) {
  const std::string domain = region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  const std::string service = "s3." + region + domain;
  if (url.host.find('.') != std::string::npos)
    return "https://" + service + "/" + url.host + url.path;
  return "https://" + url.host + "." + service + url.path;
}

void read_addresses(ConfigTable& table, const SourceURL& url, Source& source) {
  std::vector<std::string> written;
  table.texts("addresses", kSourceAddressesMax, written);
  if (!table.fine()) return;
  const toml::node* node = table.node("addresses");
  for (const std::string& text : written) {
    Result<IPAddress> address = IPAddress::parse(text);
    if (!address) return table.refuse(*node, "addresses", address.error().detail);
    source.addresses.push_back(*address);
  }
  if (source.kind == Source::Kind::file || url.literal) {
    if (node != nullptr) {
      return table.refuse(*node, "addresses", "the url already says where to connect",
                          "leave out addresses, or give the url a name");
    }
    if (url.literal) source.addresses = {*url.literal};
    return;
  }
  if (source.addresses.empty()) {
    const std::string what = source.kind == Source::Kind::s3
                                 ? "the url names a bucket (" + quoted(url.host) + ")"
                                 : "the url has a name (" + quoted(url.host) + ")";
    table.refuse(*table.node("url"), "url", what + " and there are no addresses",
                 "add addresses = [\"IP\", ...] beside it: hostspin never resolves a name");
  }
}

void read_region(ConfigTable& table, const SourceURL& url, Source& source) {
  table.text("region", source.region);
  if (!table.fine()) return;
  const toml::node* node = table.node("region");
  if (source.kind != Source::Kind::s3) {
    if (node != nullptr) table.refuse(*node, "region", "goes with an s3:// url alone");
    return;
  }
  if (!is_region(source.region)) {
    return table.refuse(node == nullptr ? *table.node("url") : *node, "region",
                        "an s3:// url needs one, such as \"eu-central-1\"");
  }
  source.fetch_url = s3_url(url, source.region);
}

void read_proxy(ConfigTable& table, Source& source) {
  table.text("proxy", source.proxy);
  if (!table.fine() || source.proxy.empty()) return;
  Result<SourceURL> proxy = parse_source_url(source.proxy);
  if (!proxy || proxy->scheme != SourceURL::Scheme::http || !proxy->literal ||
      !proxy->path.empty()) {
    table.refuse(*table.node("proxy"), "proxy", "must be http://IP:PORT");
  }
}

Source::Kind kind_of(SourceURL::Scheme scheme) {
  switch (scheme) {
    case SourceURL::Scheme::file:
      return Source::Kind::file;
    case SourceURL::Scheme::s3:
      return Source::Kind::s3;
    case SourceURL::Scheme::http:
    case SourceURL::Scheme::https:
      break;
  }
  return Source::Kind::http;
}

}  // namespace

Result<Source> read_source(ConfigTable table) {
  Source source;
  source.defined_at = table.at(table.content());
  table.only(kKeys);
  table.text("url", source.url);
  if (!table.fine()) return table.done().error();
  if (source.url.empty()) {
    return Error{Errc::bad_config, source.defined_at + ": source.url: is missing"};
  }
  Result<SourceURL> url = parse_source_url(source.url);
  if (!url) {
    return Error{Errc::bad_config, table.at(*table.node("url")) + ": source: " + url.error().detail,
                 url.error().hint};
  }
  while (source.url.ends_with('/')) source.url.pop_back();
  source.kind = kind_of(url->scheme);
  source.fetch_url = source.url;
  if (source.kind == Source::Kind::file) source.directory = url->path;
  read_addresses(table, *url, source);
  read_region(table, *url, source);
  table.number("priority", 0, kPriorityMax, source.priority);
  table.path("ca", source.ca);
  table.texts("pins", kPinsMax, source.pins);
  table.path("client_certificate", source.client_certificate);
  table.path("client_key", source.client_key);
  read_proxy(table, source);
  if (source.client_certificate.empty() != source.client_key.empty()) {
    table.refuse(Error{Errc::bad_config, source.defined_at +
                                             ": source: client_certificate and client_key need "
                                             "each other"});
  }
  if (!table.fine()) return table.done().error();
  return source;
}

}  // namespace hostspin
