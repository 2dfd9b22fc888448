#include "foreign_form.h"

#include "catch.h"
#include "hostspin/note.h"
#include "signing.h"

using namespace hostspin;
using namespace hostspin::testing;
using namespace std::string_literals;

namespace {

std::string utf16(const std::string& text, bool big) {
  std::string bytes;
  for (const char c : text) bytes += big ? "\0"s + c : c + "\0"s;
  return bytes;
}

std::string crlf(const std::string& text) {
  std::string bytes;
  for (const char c : text) bytes += c == '\n' ? "\r\n"s : std::string(1, c);
  return bytes;
}

}  // namespace

TEST_CASE("a note in another form is said to be that, with what helps", "[note]") {
  const TestFleet fleet;
  const std::string note = fleet.sign(fleet.manifest(3));
  struct Case {
    std::string bytes;
    std::string what;
  };
  for (const Case& one : std::vector<Case>{
           {"\x1f\x8b\x08\0\0\0"s + note, "is compressed with gzip: "},
           {"<!DOCTYPE HTML PUBLIC \"-//IETF\"><title>404</title>",
            "is a web page (HTML): a source must answer 404"},
           {"\n \n<html><body>Not found</body></html>\n", "is a web page (HTML): "},
           {"<?xml version=\"1.0\"?>\n<!DOCTYPE html>\n<p>Login</p>", "is a web page (HTML): "},
           {"\xff\xfe"s + utf16(note, false), "is UTF-16 text: "},
           {"\xfe\xff"s + utf16(note, true), "is UTF-16 text: "},
           {utf16(note, false), "is UTF-16 text: "},
           {utf16(note, true), "is UTF-16 text: "},
           {"\xef\xbb\xbf"s + note, "begins with a byte order mark: "},
           {crlf(note), "has CRLF line ends: "},
       }) {
    CAPTURE(one.bytes.substr(0, 40));
    const Result<SplitNote> split = split_note(one.bytes, DocumentKind::manifest);
    REQUIRE_FALSE(split);
    CHECK(split.error().code == Errc::bad_note);
    CHECK(split.error().detail.starts_with(one.what));
  }
}

TEST_CASE("nothing else is taken for another form", "[note]") {
  const TestFleet fleet;
  const std::string note = fleet.sign(fleet.manifest(3));
  for (const std::string& bytes :
       {note, note.substr(0, note.size() - 1), ""s, "\n"s, "<"s, "{\"a\": 1}"s, "10.0.0.1 a\n"s,
        "<AccessDenied/>"s, std::string(8, '\0'), "\x1f"s, "a\0b\0"s}) {
    CAPTURE(bytes.substr(0, 40));
    CHECK_FALSE(foreign_form(bytes));
  }
  CHECK(split_note(note, DocumentKind::manifest));
  CHECK(code_of(split_note(note.substr(0, note.size() - 1), DocumentKind::manifest)) ==
        Errc::bad_note);
}
