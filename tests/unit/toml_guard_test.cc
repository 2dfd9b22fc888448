#include "toml_guard.h"

#include <string>

#include "catch.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;

namespace {

bool passes(std::string_view text) { return check_toml_shape(text, Errc::bad_root).has_value(); }

std::string times(int count, std::string_view what) {
  std::string text;
  for (int i = 0; i < count; ++i) text += what;
  return text;
}

}  // namespace

TEST_CASE("eight dotted segments pass, nine do not, however they are written", "[toml_guard]") {
  CHECK(passes("a.b.c.d.e.f.g.h = 1\n"));
  CHECK_FALSE(passes("a.b.c.d.e.f.g.h.i = 1\n"));
  CHECK_FALSE(passes("a . b . c . d . e . f . g . h . i = 1\n"));
  CHECK_FALSE(passes(R"("a"."b".'c'."d"."e"."f"."g"."h"."i" = 1)"));
  CHECK(passes("[a.b.c.d.e.f.g.h]\n"));
  CHECK_FALSE(passes("[a.b.c.d.e.f.g.h.i]\n"));
  CHECK_FALSE(passes("[[a.b.c.d.e.f.g.h.i]]\n"));
  CHECK_FALSE(passes("x = {a.b.c.d.e.f.g.h.i = 1}\n"));
  CHECK(passes("x = {a.b.c.d.e = 1, a.b.c.d.f = 2}\n"));
  CHECK(passes(times(20, "a.b = 1\n")));
  CHECK(passes("x = [" + times(20, "1.5, ") + "]\n"));
}

TEST_CASE("dots and brackets inside strings and comments do not count", "[toml_guard]") {
  CHECK(passes("x = \"a.b.c.d.e.f.g.h.i.j [[[[[[[[[[\"\n"));
  CHECK(passes("x = 'a.b.c.d.e.f.g.h.i.j [[[[[[[[[['\n"));
  CHECK(passes("# a.b.c.d.e.f.g.h.i.j [[[[[[[[[[\n"));
  CHECK(passes("# it's\nx = 1 # \"\n"));
  CHECK(passes(R"(x = "\"a.b.c.d.e.f.g.h.i.j")"));
  CHECK_FALSE(passes(R"(x = "\\" a.b.c.d.e.f.g.h.i.j)"));
  CHECK_FALSE(passes(R"(x = '\' a.b.c.d.e.f.g.h.i.j)"));
}

TEST_CASE("bytes outside ASCII stand in comments alone", "[toml_guard]") {
  CHECK(passes("# f\xc3\xbcr\nx = \"e\" # \xe2\x80\xa8\n"));
  CHECK_FALSE(passes("x = \"\xc3\xa9\"\n"));
  CHECK_FALSE(passes("x = '\xc3\xa9'\n"));
  CHECK_FALSE(passes("x = +20z' \xca\x9b\n"));  // the parser sees no string here
  CHECK_FALSE(passes("\xc3\xa9 = 1\n"));
  CHECK_FALSE(passes("x = 1\xc3\xa9\n"));
  CHECK_FALSE(passes("\xe3\x80\x80\nx = 1\n"));
  CHECK_FALSE(passes("[\xc3\xa9]\n"));
}

TEST_CASE("a string that is never closed hides one line only", "[toml_guard]") {
  CHECK_FALSE(passes("x = \"\n" + times(9, "[")));
  CHECK_FALSE(passes("x = '\n" + times(9, "[")));
  CHECK_FALSE(passes("x = \"\\\n" + times(9, "[")));  // an escaped line feed is none
}

TEST_CASE("eight open brackets pass, nine do not, over any number of lines", "[toml_guard]") {
  CHECK(passes("x = " + times(8, "[") + times(8, "]") + "\n"));
  CHECK_FALSE(passes("x = " + times(9, "[") + times(9, "]") + "\n"));
  CHECK_FALSE(passes("x = " + times(9, "[\n")));
  CHECK_FALSE(passes("x = " + times(4, "[{a=") + "[\n"));
  CHECK(passes("x = " + times(100, "[").substr(0, 1) + times(50, "[],") + "]\n"));
  CHECK(passes(times(50, "[[a]]\n")));
  CHECK(passes("]]]]\n" + times(8, "[")));  // closing what is not open earns nothing
  CHECK_FALSE(passes("]]]]\n" + times(9, "[")));
}

TEST_CASE("multi-line strings are refused wherever their quotes stand", "[toml_guard]") {
  CHECK_FALSE(passes("x = \"\"\"a\"\"\"\n"));
  CHECK_FALSE(passes("x = '''a'''\n"));
  CHECK_FALSE(passes("# \"\"\"\n"));
  CHECK_FALSE(passes("x = \"'''\"\n"));
  CHECK(passes("x = [\"\", '', \"\"]\n"));
}

TEST_CASE("the guard's error has the caller's code and the line", "[toml_guard]") {
  const Result<void> shape = check_toml_shape("a = 1\nb = '''\n", Errc::bad_manifest);
  REQUIRE_FALSE(shape);
  CHECK(shape.error().code == Errc::bad_manifest);
  CHECK(shape.error().detail == "line 2: a multi-line string");
  CHECK(code_of(check_toml_shape("x = [[[[[[[[[", Errc::bad_root)) == Errc::bad_root);
}

}  // namespace hostspin
