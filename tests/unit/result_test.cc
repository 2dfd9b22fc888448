#include "hostspin/result.h"

#include <set>
#include <string>
#include <vector>

#include "catch.h"

namespace hostspin {
namespace {

constexpr int kCodes = static_cast<int>(Errc::internal) + 1;  // the last one

Result<std::string> fails() { return {Errc::rollback, "too old", "look again"}; }

}  // namespace

TEST_CASE("each code has a name of its own and a hint of one line", "[result]") {
  std::set<std::string_view> names;
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<Errc>(i);
    INFO(code_name(code));
    CHECK(names.insert(code_name(code)).second);
    CHECK(code_name(code).find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos);
    CHECK(!default_hint(code).empty());
    CHECK(default_hint(code).find('\n') == std::string_view::npos);
    CHECK(default_hint(code).back() != '.');
  }
  CHECK(code_name(Errc::too_few_signatures) == "too_few_signatures");
  CHECK(code_name(Errc::internal) == "internal");
}

TEST_CASE("what nobody signed is not tried again, what a mirror lacks is", "[result]") {
  int count = 0;
  for (int i = 0; i < kCodes; ++i) count += retryable(static_cast<Errc>(i)) ? 1 : 0;
  CHECK(count == 8);
  CHECK(retryable(Errc::fetch_failed));
  CHECK(retryable(Errc::busy));
  CHECK(retryable(Errc::root_withheld));
  CHECK_FALSE(retryable(Errc::bad_signature));
  CHECK_FALSE(retryable(Errc::rollback));
  CHECK_FALSE(retryable(Errc::internal));
}

TEST_CASE("an error carries its own hint or the code's", "[result]") {
  const Result<std::string> failed = fails();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().advice() == "look again");
  CHECK(Error{Errc::rollback, "x"}.advice() == default_hint(Errc::rollback));
}

TEST_CASE("annotate puts its context in front and keeps the rest", "[result]") {
  const Error error = annotate(fails().error(), "source 2");
  CHECK(error.code == Errc::rollback);
  CHECK(error.detail == "source 2: too old");
  CHECK(error.hint == "look again");
}

TEST_CASE("quoted lets no foreign byte act on a terminal or end a line", "[result]") {
  CHECK(quoted("plain text #1") == "'plain text #1'");
  CHECK(quoted("") == "''");
  CHECK(quoted("a\nb") == R"('a\x0ab')");
  CHECK(quoted("it's") == R"('it\x27s')");
  CHECK(quoted(R"(\x0a)") == R"('\x5cx0a')");
  CHECK(quoted(std::string_view("\0\x1b[2J\x7f\xff", 7)) == R"('\x00\x1b[2J\x7f\xff')");
  CHECK(quoted("\xc3\xa4") == R"('\xc3\xa4')");
}

TEST_CASE("quoted cuts what is long and says so", "[result]") {
  CHECK(quoted(std::string(120, 'a')) == "'" + std::string(120, 'a') + "'");
  CHECK(quoted(std::string(121, 'a')) == "'" + std::string(120, 'a') + "'...");
  CHECK(quoted("abcdef", 3) == "'abc'...");
}

}  // namespace hostspin
