#include <string>

#include "catch.h"
#include "public_suffix.h"
#include "signing.h"

namespace hostspin::desk {

using testing::value_of;

namespace {

std::string covered(const std::string& pattern, std::string_view list = {}) {
  return covered_suffix(value_of(NamePattern::parse(pattern)), list);
}

}  // namespace

TEST_CASE("patterns below which anybody can register names are known without any list", "[desk]") {
  for (const char* suffix : {"com", "org", "uk", "de", "prod", "co.uk", "com.au", "ac.jp", "gob.mx",
                             "or.at", "amazonaws.com", "github.io"}) {
    CAPTURE(suffix);
    CHECK(covered("*." + std::string(suffix)) == suffix);
  }
}

TEST_CASE("what belongs to one organisation covers no public suffix", "[desk]") {
  for (const char* pattern :
       {"*.example.com", "*.svc.example.com", "*.example.co.uk", "*.bbc.uk", "*.internal", "*.corp",
        "*.lan", "*.test", "*.prod.example", "com", "co.uk", "time", "*.eu-west-1.amazonaws.com",
        "*.or.example", "*.co.example"}) {
    CAPTURE(pattern);
    CHECK(covered(pattern).empty());
  }
}

TEST_CASE("the list of publicsuffix.org is read by its own rules", "[desk]") {
  const std::string list =
      "// a comment com.example\n"
      "ck\n*.ck\n!www.ck\n\nblog.example  trailing words\nkawasaki.jp\n*.kawasaki.jp\n"
      "!city.kawasaki.jp\n";
  CHECK(is_listed_suffix(list, "ck"));
  CHECK(is_listed_suffix(list, "co.ck"));
  CHECK_FALSE(is_listed_suffix(list, "www.ck"));
  CHECK_FALSE(is_listed_suffix(list, "a.co.ck"));
  CHECK(is_listed_suffix(list, "blog.example"));
  CHECK_FALSE(is_listed_suffix(list, "a.blog.example"));
  CHECK(is_listed_suffix(list, "nakahara.kawasaki.jp"));
  CHECK_FALSE(is_listed_suffix(list, "city.kawasaki.jp"));
  CHECK_FALSE(is_listed_suffix(list, "com.example"));
  CHECK(covered("*.blog.example", list) == "blog.example");
  CHECK(covered("*.www.ck", list).empty());
  CHECK(covered("*.shop.example", list).empty());
}

}  // namespace hostspin::desk
