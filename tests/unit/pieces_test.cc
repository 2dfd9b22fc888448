#include "hostspin/pieces.h"

#include "catch.h"

namespace hostspin {
namespace {

TEST_CASE("pieces are what they are put together", "[hosts]") {
  const std::string file = "one\ntwo\nthree\n";
  Pieces pieces(std::string_view(file).substr(0, 4));
  pieces.add("");
  pieces.keep("2\n");
  pieces.add(std::string_view(file).substr(8));
  const Pieces copy = pieces;
  pieces = Pieces();
  CHECK(copy.parts().size() == 3);
  CHECK(copy.size() == 12);
  CHECK(copy.str() == "one\n2\nthree\n");
  CHECK(copy.ends_with('\n'));
  CHECK(copy == "one\n2\nthree\n");
  CHECK_FALSE(copy == "one\n2\nthree!");
  CHECK_FALSE(copy == "one\n2\nthree\n\n");
  CHECK_FALSE(copy == "");
  CHECK(pieces.empty());
  CHECK(pieces == "");
  CHECK_FALSE(pieces.ends_with('\n'));
}

}  // namespace
}  // namespace hostspin
