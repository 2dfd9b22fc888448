#include "toml_read.h"

#include <string>

#include "catch.h"
#include "signing.h"
#include "small_stack.h"

namespace hostspin {

using testing::at;
using testing::code_of;
using testing::run_on_small_stack;
using testing::value_of;

namespace {

using Kind = TomlValue::Kind;

TomlValue read(const std::string& text) { return value_of(read_toml(text, Errc::bad_manifest)); }

TomlValue value(const std::string& written) {
  return read("x = " + written + "\n").entries.at(0).value;
}

}  // namespace

TEST_CASE("values keep their kind, their order and their line", "[toml_read]") {
  const TomlValue table = read("b = 1\na = \"x\"\nflag = true\n\n[c]\nlist = [1, 2]\n");
  REQUIRE(table.kind == Kind::table);
  REQUIRE(table.entries.size() == 4);
  CHECK(table.entries[0].key == "b");
  CHECK(table.entries[0].value.integer == 1);
  CHECK(table.entries[1].key == "a");
  CHECK(table.entries[1].line == 2);
  CHECK(table.entries[1].value.text == "x");
  CHECK(table.entries[2].value.boolean);
  const TomlValue& inner = table.entries[3].value;
  REQUIRE(inner.kind == Kind::table);
  CHECK(inner.entries[0].value.line == 6);
  CHECK(inner.entries[0].value.items.size() == 2);
}

TEST_CASE("a time counts only in UTC with Z and in whole seconds", "[toml_read]") {
  const std::string good =
      GENERATE("2026-10-01T12:00:01Z", "2026-10-01t12:00:01Z", "2026-10-01 12:00:01Z");
  CHECK(value(good).time == at("2026-10-01T12:00:01Z"));
  const std::string bad =
      GENERATE("2026-10-01T12:00:01z", "2026-10-01T12:00:01+00:00", "2026-10-01T12:00:01-00:00",
               "2026-10-01T12:00:01.0Z", "2026-10-01T12:00:01.5Z", "2026-10-01T12:00:01",
               "2026-10-01T13:00:01+01:00", "2026-10-01", "12:00:01");
  CHECK(value(bad).kind == Kind::time);
  CHECK_FALSE(value(bad).time);
}

TEST_CASE("times are found in the text wherever they stand", "[toml_read]") {
  const TomlValue table = read(
      "# 2026\nx = [ 2026-10-01T12:00:00Z, 2026-10-01T12:00:00+00:00 ]\n"
      "y = { z = 2026-10-01T12:00:00Z }\n");
  const TomlValue& list = table.entries[0].value;
  CHECK(list.items[0].time);
  CHECK_FALSE(list.items[1].time);
  CHECK(table.entries[1].value.entries[0].value.time);
}

TEST_CASE("floats are a kind that no key has", "[toml_read]") {
  CHECK(value("1.5").kind == Kind::other);
  CHECK(value("inf").kind == Kind::other);
  CHECK(value("1e3").kind == Kind::other);
}

TEST_CASE("what is not TOML is an error with its line, never an exception", "[toml_read]") {
  const std::string bad = GENERATE(
      "x", "x =", "x = 1 2", "= 1", "[", "[a", "[]", "[[a]", "[a]]", "x = {", "x = [", "x = \"",
      "x = 'a", "x = 01", "x = 1__0", "x = 0x", "x = 9223372036854775808", "x = truely",
      "x = 2026-13-01T00:00:00Z", "x = 2026-02-30T00:00:00Z", "x = 2026-01-01T24:00:00Z",
      "x = 2026-01-01T00:00:60Z", "x = \"\\q\"", "x = \"\\ud800\"", "x = 1\nx = 2", "[a]\n[a]",
      "a = 1\n[a.b]", "x.y = 1\nx = 2", "x = {a = 1,}", "x = { a = 1\n }",
      // Two texts that the library's own assertions trip over.
      "[%]", "x = 2026-01-01Tu", "x = 2026-01-01T", "[\n]");
  const Result<TomlValue> value = read_toml(bad + "\n", Errc::bad_root);
  REQUIRE_FALSE(value);
  CHECK(value.error().code == Errc::bad_root);
  CHECK(value.error().detail.find("not TOML") != std::string::npos);
}

TEST_CASE("an error names the line at which the text stops being TOML", "[toml_read]") {
  CHECK(read_toml("a = 1\nb = 2\nc == 3\n", Errc::bad_root)
            .error()
            .detail.starts_with("line 3: not TOML: "));
}

TEST_CASE("the deepest text that the guard lets through is read on a small stack", "[toml_read]") {
  const std::string keys = "a.b.c.d.e.f.g.h";
  std::string nested = "1";
  for (int i = 0; i < 8; ++i) nested = "{" + keys + " = " + nested + "}";
  const std::string text = "[" + keys + "]\n" + keys + " = " + nested + "\n";
  bool read_back = false;
  run_on_small_stack([&] { read_back = read_toml(text, Errc::bad_root).has_value(); });
  CHECK(read_back);
}

TEST_CASE("bombs of 64 KiB are refused on a small stack", "[toml_read]") {
  const auto repeated = [](std::string_view what) {
    std::string text;
    while (text.size() + what.size() < 65536) text += what;
    return text;
  };
  const std::vector<std::string> bombs = {
      "a" + repeated(".a") + " = 1\n",
      "[a" + repeated(".a") + "]\n",
      "\"a\"" + repeated(".\"a\"") + " = 1\n",
      "x = " + repeated("["),
      "x = " + repeated("{a="),
      "x = " + repeated("[\n"),
      "x = " + repeated("[[],"),
      repeated("[[a]]\n") + "[[",
  };
  for (const std::string& bomb : bombs) {
    INFO(bomb.substr(0, 20));
    bool refused = false;
    run_on_small_stack([&] { refused = !read_toml(bomb, Errc::bad_root).has_value(); });
    CHECK(refused);
  }
}

TEST_CASE("text is printable ASCII after TOML's escapes, too, wherever it stands", "[toml_read]") {
  const std::string character =
      GENERATE("\\u202e", "\\u200b", "\\u2066", "\\ufeff", "\\u00ad", "\\u00e9", "\\U000e0041",
               "\\n", "\\t", "\\u0000", "\\u007f", "\\u009b");
  const std::string place =
      GENERATE("x = \"aTEXTb\"\n", "x = [[\"ok\", \"TEXT\"]]\n", "\"aTEXT\" = 1\n",
               "[t]\ny = { z = \"TEXT\" }\n", "[t.\"TEXT\"]\n");
  const std::string text = testing::with(place, "TEXT", character);
  CAPTURE(text);
  const Result<TomlValue> read = read_toml(text, Errc::bad_manifest);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::bad_manifest);
  CHECK(read.error().detail.starts_with("line "));
  CHECK(read.error().detail.find("not printable ASCII") != std::string::npos);
  CHECK(read_toml(testing::with(place, "TEXT", "\\u0041~ \\\\"), Errc::bad_manifest));
}

}  // namespace hostspin
