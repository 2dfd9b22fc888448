#include <string>
#include <vector>

#include "catch.h"
#include "hostspin/time_text.h"
#include "signing.h"
#include "words.h"

namespace hostspin::desk {

using testing::at;
using testing::code_of;
using testing::value_of;

TEST_CASE("a time is exactly the form that documents use", "[desk]") {
  CHECK(value_of(parse_time("2026-10-01T12:34:56Z")) == at("2026-10-01T12:34:56Z"));
  CHECK(value_of(parse_time("2028-02-29T00:00:00Z")) == at("2028-02-29T00:00:00Z"));
  for (const std::string text :
       {"", "2026-10-01", "2026-10-01T12:00:00", "2026-10-01 12:00:00Z", "2026-10-01T12:00:00z",
        "2026-10-01T12:00:00+00:00", "2026-10-01T12:00:00.0Z", "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-10-01T24:00:00Z",
        "2026-10-01T12:60:00Z", "2026-10-01T12:00:60Z", "2019-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z", "-026-10-01T12:00:00Z", "2026-10-01T12:00:00Z "}) {
    CAPTURE(text);
    CHECK(code_of(parse_time(text)) == Errc::usage);
  }
}

TEST_CASE("a duration is a whole number and one unit, within bounds", "[desk]") {
  using namespace std::chrono_literals;
  CHECK(value_of(parse_duration("30d")) == 720h);
  CHECK(value_of(parse_duration("2w")) == 336h);
  CHECK(value_of(parse_duration("45m")) == 45min);
  CHECK(value_of(parse_duration("1s")) == 1s);
  CHECK(value_of(parse_duration("1096d")) == std::chrono::days(1096));
  for (const std::string text : {"", "d", "30", "0d", "-1d", "+1d", "1.5d", "30 d", "30dd", "1y",
                                 "1097d", "9223372036854775807w", "99999999999999999999d"}) {
    CAPTURE(text);
    CHECK(code_of(parse_duration(text)) == Errc::usage);
  }
}

TEST_CASE("a moment is a time, or a duration from a start", "[desk]") {
  const auto start = at("2026-10-01T00:00:00Z");
  CHECK(format_utc(value_of(parse_moment("30d", start))) == "2026-10-31T00:00:00Z");
  CHECK(format_utc(value_of(parse_moment("2027-01-01T00:00:00Z", start))) ==
        "2027-01-01T00:00:00Z");
  CHECK(code_of(parse_moment("soon", start)) == Errc::usage);
}

TEST_CASE("lines, words and counts", "[desk]") {
  CHECK(lines_of("").empty());
  CHECK(lines_of("a\n") == std::vector<std::string_view>{"a"});
  CHECK(lines_of("a\n\nb") == std::vector<std::string_view>{"a", "", "b"});
  CHECK(split_blanks(" a \t b\r\n") == std::vector<std::string>{"a", "b"});
  CHECK(split_blanks("  ").empty());
  CHECK(trim(" a b\t") == "a b");
  CHECK(join({"a", "b"}, ", ") == "a, b");
  CHECK(count_of(1, "key") == "1 key");
  CHECK(count_of(0, "key") == "0 keys");
}

}  // namespace hostspin::desk
