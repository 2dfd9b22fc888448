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

TEST_CASE("many small pieces cost their bytes and no more", "[hosts]") {
  constexpr std::size_t kCount = 100000;
  const std::string large(1000, 'x');
  Pieces pieces;
  std::string whole;
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::string small = std::to_string(i) + "\n";
    pieces.gather(small);
    whole += small;
    if (i % 10000 != 0) continue;
    pieces.gather(large);
    whole += large;
  }
  pieces.gather("");
  CHECK(pieces.size() == whole.size());
  CHECK(pieces.str() == whole);
  CHECK(pieces == whole);
  CHECK(pieces.parts().size() < 40);
  // Whatever is added to a copy is not in the other.
  Pieces copy = pieces;
  copy.gather("copy");
  pieces.gather("this");
  copy.gather("!");
  CHECK(copy.str() == whole + "copy!");
  CHECK(pieces.str() == whole + "this");
}

}  // namespace
}  // namespace hostspin
