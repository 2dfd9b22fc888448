#include <string>
#include <utility>

#include "catch.h"
#include "hostspin/crypto.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;
using testing::value_of;

TEST_CASE("RFC 4648 section 10: base64 both ways", "[base64]") {
  const auto [plain, encoded] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {std::string("\0", 1), "AA=="},
      {"\xff\xff\xff", "////"},
      {"\xfb\xef\xbe", "++++"},
  }));
  CHECK(encode_base64(plain) == encoded);
  CHECK(value_of(decode_base64(encoded)) == plain);
}

TEST_CASE("every byte string has exactly one base64 that decodes", "[base64]") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    bytes += static_cast<char>(i);
    const std::string encoded = encode_base64(bytes);
    REQUIRE(value_of(decode_base64(encoded)) == bytes);
    REQUIRE_FALSE(decode_base64(encoded + "="));
    REQUIRE_FALSE(decode_base64(encoded + "\n"));
    REQUIRE_FALSE(decode_base64(" " + encoded));
  }
}

TEST_CASE("what OpenSSL's decoder lets through is refused", "[base64]") {
  const std::string bad =
      GENERATE("====", "QU=D", "QUI=QUI=", "Q===", "=QUI", "QUI", "QU", "Q",
               "Zh==",  // bits behind the one byte
               "Zm9=",  // bits behind the two bytes
               "Zm9v\n", "Zm 9v", "Zm9v====", "-_-_", "Zm9\xff", "Zg=", "Zg=a", "=", "==", "===");
  CHECK(code_of(decode_base64(bad)) == Errc::bad_note);
}

TEST_CASE("hex is lower-case", "[base64]") {
  CHECK(to_hex(std::string_view("\x00\x0f\xa5\xff", 4)) == "000fa5ff");
  CHECK(to_hex(std::string_view()) == "");
}

}  // namespace hostspin
