#include "hostspin/ip.h"

#include <string>
#include <vector>

#include "catch.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;
using testing::value_of;

TEST_CASE("canonical addresses come back as they were written", "[ip]") {
  const std::string text =
      GENERATE("0.0.0.0", "10.1.2.3", "255.255.255.255", "::", "::1", "1::", "2001:db8:10::3",
               "2001:db8::1:0:0:1",     // RFC 5952 section 4.2.3: the first of two equal runs
               "2001:db8:0:1:1:1:1:1",  // section 4.2.2: one zero field is not shortened
               "2001:0:0:1::1", "fe80::1", "::ffff:10.1.2.3", "64:ff9b::a01:203",
               "abcd:ef01:2345:6789:abcd:ef01:2345:6789");
  const IPAddress address = value_of(IPAddress::parse(text));
  CHECK(address.to_string() == text);
  CHECK(address.is_v6() == (text.find(':') != std::string::npos));
}

TEST_CASE("any other spelling of an address is refused", "[ip]") {
  const std::string text = GENERATE(
      "", " ", "10.1.2", "10.1.2.3.4", "10.1.2.3 ", " 10.1.2.3", "10.1.2.03", "10.1.2.256",
      "10.1.2.-3", "0x0a.1.2.3", "167838211", "10.1.2.3/32", "10.1.2.3:80", "10.1.2.3#", "10..2.3",
      "2001:DB8::1", "2001:0db8::1", "2001:db8:0:0:0:0:0:1", "2001:db8::0:1", "2001:db8:::1",
      "2001:db8::1:0:0:0:1", "1::2::3", "fe80::1%eth0", "[::1]", "::ffff:a01:203", "::1/128",
      "12345::", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "localhost");
  CHECK(code_of(IPAddress::parse(text)) == Errc::usage);
}

TEST_CASE("an address is not read past a NUL or a line feed", "[ip]") {
  CHECK_FALSE(IPAddress::parse(std::string_view("10.1.2.3\0", 9)));
  CHECK_FALSE(IPAddress::parse(std::string_view("10.1.2.3\0.evil", 14)));
  CHECK_FALSE(IPAddress::parse("10.1.2.3\n"));
  CHECK_FALSE(IPAddress::parse("10.1.2.3\n10.6.6.6"));
}

TEST_CASE("a refusal shows the canonical form where there is one", "[ip]") {
  const Result<IPAddress> address = IPAddress::parse("2001:DB8::1");
  REQUIRE_FALSE(address);
  CHECK(address.error().detail ==
        "'2001:DB8::1' is not a canonical IP address (RFC 5952 writes it 2001:db8::1)");
  CHECK(IPAddress::parse("300.1.2.3").error().detail ==
        "'300.1.2.3' is not a canonical IP address");
}

TEST_CASE("addresses from the kernel's bytes equal those from text", "[ip]") {
  const std::uint8_t v4[] = {10, 1, 2, 3};
  CHECK(IPAddress::from_bytes(v4, false) == value_of(IPAddress::parse("10.1.2.3")));
  const std::uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3};
  CHECK(IPAddress::from_bytes(v6, true) == value_of(IPAddress::parse("2001:db8:10::3")));
  CHECK(value_of(IPAddress::parse("0.0.0.0")) != value_of(IPAddress::parse("::")));
  CHECK(value_of(IPAddress::parse("9.0.0.0")) < value_of(IPAddress::parse("10.0.0.0")));
}

TEST_CASE("prefixes contain what shares their bits, of their family", "[ip]") {
  const auto contains = [](const char* prefix, const char* address) {
    return value_of(Prefix::parse(prefix)).contains(value_of(IPAddress::parse(address)));
  };
  CHECK(contains("10.0.0.0/8", "10.255.255.255"));
  CHECK_FALSE(contains("10.0.0.0/8", "11.0.0.0"));
  CHECK(contains("172.16.0.0/12", "172.31.0.1"));
  CHECK_FALSE(contains("172.16.0.0/12", "172.32.0.1"));
  CHECK(contains("192.0.2.7/32", "192.0.2.7"));
  CHECK_FALSE(contains("192.0.2.7/32", "192.0.2.6"));
  CHECK(contains("0.0.0.0/0", "255.0.0.1"));
  CHECK_FALSE(contains("0.0.0.0/0", "::1"));
  CHECK(contains("2001:db8:10::/47", "2001:db8:11:ffff::1"));
  CHECK_FALSE(contains("2001:db8:10::/48", "2001:db8:11::1"));
  CHECK_FALSE(contains("::/0", "10.0.0.1"));
}

TEST_CASE("a prefix is written in one way only", "[ip]") {
  const std::string good = GENERATE("10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "2001:db8:10::/48",
                                    "::/0", "2001:db8::1/128", "10.128.0.0/9");
  CHECK(value_of(Prefix::parse(good)).to_string() == good);
  const std::string bad = GENERATE(
      "", "/8", "10.0.0.0", "10.0.0.0/", "10.0.0.0/ 8", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/-1",
      "10.0.0.0/33", "10.0.0.0/8/8", "10.0.0.0/8 ", "10.0.0.1/8", "10.64.0.0/9", "2001:db8::/129",
      "2001:db8::1/64", "2001:DB8::/32", "10.0.0.0/99999999999999999999", "ten/8");
  CHECK(code_of(Prefix::parse(bad)) == Errc::usage);
}

TEST_CASE("a prefix with host bits is answered with the one that was meant", "[ip]") {
  CHECK(Prefix::parse("10.1.2.3/8").error().detail ==
        "'10.1.2.3/8' has host bits: the prefix is 10.0.0.0/8");
}

TEST_CASE("no signature lifts the ban on the machine's own and metadata addresses", "[ip]") {
  const std::string forbidden = GENERATE(
      "0.0.0.0", "0.255.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0",
      "169.254.169.254", "169.254.255.255", "224.0.0.0", "239.1.2.3", "240.0.0.1",
      "255.255.255.255", "100.100.100.200", "168.63.129.16", "::", "::1", "::ffff:10.1.2.3",
      "ff:ffff::1", "fe80::", "febf:ffff::1", "fec0::1", "feff::1", "ff00::", "ff02::1", "ffff::1",
      "fd00:ec2::254", "fd00:ec2:ffff::1", "fd00:c1::a9fe:a9fe", "fd20:ce::254",
      "64:ff9b::a9fe:a9fe");  // the metadata service, through NAT64
  CHECK(is_forbidden(value_of(IPAddress::parse(forbidden))));
  const std::string allowed = GENERATE(
      "1.0.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "169.255.0.0",
      "223.255.255.255", "100.100.100.199", "100.100.100.201", "168.63.129.15", "168.63.129.17",
      "100::1", "2001:db8::1", "fe00::1", "fe7f:ffff::1", "fd00:ec1::1", "fd00:ec3::1", "fc00::1");
  CHECK_FALSE(is_forbidden(value_of(IPAddress::parse(allowed))));
}

}  // namespace hostspin
