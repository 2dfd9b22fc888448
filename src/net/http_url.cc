#include <curl/curl.h>

#include <charconv>
#include <memory>

#include "hostspin/host_name.h"
#include "http_client.h"

namespace hostspin {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
  void operator()(char* text) const { curl_free(text); }
};

std::string url_part(CURLU* url, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, FreeUrl> owned(text);
  return text;
}

}  // namespace

std::string IPEndpoint::host() const {
  return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

Result<Url> parse_url(std::string_view text) {
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  const std::string copy(text);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, copy.c_str(),
                              CURLU_DISALLOW_USER | CURLU_PATH_AS_IS) != CURLUE_OK) {
    return {Errc::fetch_failed, "not a URL: " + quoted(text)};
  }
  Url url;
  const std::string scheme = url_part(parsed.get(), CURLUPART_SCHEME);
  if (scheme != "https" && scheme != "http") {
    return {Errc::fetch_failed, "neither http nor https: " + quoted(text)};
  }
  url.tls = scheme == "https";
  if (!url_part(parsed.get(), CURLUPART_FRAGMENT).empty()) {
    return {Errc::fetch_failed, "a URL with a fragment: " + quoted(text)};
  }
  url.host = url_part(parsed.get(), CURLUPART_HOST);
  // libcurl reads 0x7f.1 as 127.0.0.1; what is meant must be what is written.
  const std::size_t authority = text.find("://");
  if (authority == std::string_view::npos || !text.substr(authority + 3).starts_with(url.host)) {
    return {Errc::fetch_failed, "a host in another form than its own: " + quoted(text)};
  }
  if (url.host.size() > 2 && url.host.front() == '[') {
    url.host = url.host.substr(1, url.host.size() - 2);
  }
  if (Result<IPAddress> literal = IPAddress::parse(url.host); literal) {
    url.literal = *literal;
  } else if (!HostName::parse(url.host)) {
    return {Errc::fetch_failed,
            "neither a host name nor a canonical IP address: " + quoted(url.host)};
  }
  const std::string port = url_part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
  if (error != std::errc{} || end != port.data() + port.size() || url.port == 0) {
    return {Errc::fetch_failed, "a bad port in " + quoted(text)};
  }
  url.text = url_part(parsed.get(), CURLUPART_URL);
  return url;
}

Result<IPEndpoint> parse_proxy(std::string_view text) {
  const Result<Url> url = parse_url(text);
  const bool plain = url && url->literal &&
                     text == "http://" + IPEndpoint{*url->literal, url->port}.host() + ":" +
                                 std::to_string(url->port);
  if (!plain) return {Errc::fetch_failed, "a proxy is not http://IP:PORT: " + quoted(text)};
  return IPEndpoint{*url->literal, url->port};
}

}  // namespace hostspin
