#include "catch.h"
#include "http_client.h"

using namespace hostspin;

TEST_CASE("a URL is taken apart", "[http_url]") {
  const Result<Url> name = parse_url("https://mirror.example.com/a/manifest.note?x=1");
  REQUIRE(name);
  CHECK(name->tls);
  CHECK(name->host == "mirror.example.com");
  CHECK(name->port == 443);
  CHECK_FALSE(name->literal);

  const Result<Url> v6 = parse_url("http://[2001:db8::1]:8080/");
  REQUIRE(v6);
  CHECK_FALSE(v6->tls);
  CHECK(v6->host == "2001:db8::1");
  CHECK(v6->port == 8080);
  REQUIRE(v6->literal);
  CHECK(v6->literal->to_string() == "2001:db8::1");
  CHECK(IPEndpoint{*v6->literal, v6->port}.host() == "[2001:db8::1]");
}

TEST_CASE("a URL that could mean two things is refused", "[http_url]") {
  const char* bad[] = {
      "",
      "mirror.example.com/x",
      "//mirror.example.com/x",
      "ftp://mirror.example.com/",
      "file:///etc/hosts",
      "https:///x",
      "https://mirror.example.com./",
      "https://Mirror.example.com/",
      "https://user:secret@mirror.example.com/",
      "https://mirror.example.com/#fragment",
      "https://mirror.example.com:0/",
      "https://mirror.example.com:65536/",
      "https://mirror.example.com:x/",
      "https://mirror_example.com/",
      "https://192.0.2.01/",
      "https://192.0.2.256/",
      "https://192.0.513/",
      "https://3221225985/",
      "https://0xc0000201/",
      "https://[2001:DB8::1]/",
      "https://[2001:db8:0:0:0:0:0:1]/",
      "https://[fe80::1%25eth0]/",
      "https://mirror.example.com/a b",
      "https://mirror.example.com\\@other.example.com/",
  };
  for (const char* text : bad) {
    CAPTURE(text);
    const Result<Url> url = parse_url(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().code == Errc::fetch_failed);
  }
}

TEST_CASE("a proxy is an address and a port", "[http_url]") {
  const Result<IPEndpoint> v4 = parse_proxy("http://192.0.2.9:3128");
  REQUIRE(v4);
  CHECK(v4->address.to_string() == "192.0.2.9");
  CHECK(v4->port == 3128);
  const Result<IPEndpoint> v6 = parse_proxy("http://[2001:db8::9]:3128");
  REQUIRE(v6);
  CHECK(v6->address.to_string() == "2001:db8::9");

  for (const char* text :
       {"", "http://192.0.2.9", "http://192.0.2.9:3128/", "https://192.0.2.9:3128",
        "http://proxy.example.com:3128", "http://u@192.0.2.9:3128", "socks5://192.0.2.9:3128",
        "HTTP://192.0.2.9:3128"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_proxy(text));
  }
}
