#include "hostspin/host_name.h"

#include <string>

#include "catch.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;
using testing::value_of;

namespace {
const std::string kLabel63(63, 'a');
const std::string kName253 =
    kLabel63 + "." + kLabel63 + "." + kLabel63 + "." + std::string(61, 'a');
}  // namespace

TEST_CASE("host names are lower-case labels of letters, digits and hyphens", "[host_name]") {
  const std::string good = GENERATE(as<std::string>(), "a", "time", "db.svc.example.com",
                                    "a-b.c--d.e", "1a.2b.3c", "1.2.3.a", "xn--bcher-kva.example",
                                    "0x1.a", "0xg", "x1", "00x1", kLabel63, kName253);
  CHECK(value_of(HostName::parse(good)).text() == good);
}

TEST_CASE("whatever a hosts file's reader could take otherwise is no host name", "[host_name]") {
  const std::string bad =
      GENERATE(as<std::string>(), "", ".", "..", ".a", "a.", "a..b", "A", "a.B", "a_b", "_gateway",
               "a b", "a\tb", "a\nb", "a\rb", "a#b", "#", "a/b", "a:b", "*", "*.a", "-a", "a-",
               "a.-b", "a-.b", "a.b-", "1", "10.1.2.3", "a.123", "0x7f000001", "10.0.0.0x1", "0x1",
               "0x", "0x7f.0x1", "a.0xff", "d\xc3\xb6", "::1", "a" + kLabel63, kName253 + "a",
               std::string("a\0b", 3), std::string("a\0", 2));
  CHECK(code_of(HostName::parse(bad)) == Errc::usage);
}

TEST_CASE("a refused name is shown with the reason", "[host_name]") {
  CHECK(HostName::parse("DB.example").error().detail ==
        "'DB.example' is not a host name: an upper-case letter");
  CHECK(HostName::parse("a.10").error().detail ==
        "'a.10' is not a host name: the last label is all digits");
  CHECK(HostName::parse("10.0.0.0x1").error().detail ==
        "'10.0.0.0x1' is not a host name: the last label is a hexadecimal number");
}

TEST_CASE("the machine's own names are reserved", "[host_name]") {
  const auto reserved = [](const char* name) {
    return is_reserved(value_of(HostName::parse(name)));
  };
  CHECK(reserved("localhost"));
  CHECK(reserved("localhost.localdomain"));
  CHECK(reserved("db.localhost"));
  CHECK(reserved("a.localhost.b"));
  CHECK(reserved("ip6-localhost"));
  CHECK(reserved("ip6-allnodes"));
  CHECK(reserved("ip6-x.example.com"));
  CHECK(reserved("localhost4"));
  CHECK(reserved("localhost6.localdomain6"));
  CHECK(reserved("db.localhost127"));
  CHECK_FALSE(reserved("localhost4a"));
  CHECK_FALSE(reserved("localhosts"));
  CHECK_FALSE(reserved("my-localhost.example"));
  CHECK_FALSE(reserved("ip6.example"));
  CHECK_FALSE(reserved("db.ip6-net.example"));
}

TEST_CASE("patterns match a name, or any name strictly below one", "[host_name]") {
  const auto matches = [](const char* pattern, const char* name) {
    return value_of(NamePattern::parse(pattern)).matches(value_of(HostName::parse(name)));
  };
  CHECK(matches("ldap.example.com", "ldap.example.com"));
  CHECK_FALSE(matches("ldap.example.com", "a.ldap.example.com"));
  CHECK_FALSE(matches("ldap.example.com", "example.com"));
  CHECK(matches("*.svc.example.com", "db.svc.example.com"));
  CHECK(matches("*.svc.example.com", "a.b.svc.example.com"));
  CHECK_FALSE(matches("*.svc.example.com", "svc.example.com"));
  CHECK_FALSE(matches("*.svc.example.com", "evilsvc.example.com"));
  CHECK_FALSE(matches("*.svc.example.com", "svc.example.com.evil"));
  CHECK(matches("time", "time"));
  CHECK_FALSE(matches("time", "a.time"));
  CHECK(matches("*.time", "a.time"));
}

TEST_CASE("a pattern has its star in front or none, and never stands alone", "[host_name]") {
  const std::string bad = GENERATE("", "*", "*.", "**", "*.*.a", "a.*", "a.*.b", "*a", "*.A", ".a",
                                   "*.a.", "*.1", "* .a");
  CHECK(code_of(NamePattern::parse(bad)) == Errc::usage);
  CHECK(value_of(NamePattern::parse("*.a.example")).text() == "*.a.example");
}

}  // namespace hostspin
