// What a MySQL server, or whatever stands in its place, sends: whatever the bytes are, the client's
// half ends with the same verdict however they are cut, and never says much.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "mysql_handshake.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

struct Ended {
  bool finished = false;
  hostspin::Verdict verdict{};
  std::string output;
};

Ended run(std::string_view bytes, std::size_t piece) {
  hostspin::MysqlHandshake handshake("hostspin");
  Ended ended;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    handshake.take(bytes.substr(at, piece));
    ended.output += handshake.take_output();
    require(handshake.pending() <= 4096);
  }
  ended.finished = handshake.finished();
  ended.verdict = handshake.verdict();
  require(ended.output.size() <= 1024);
  require(!ended.finished || !handshake.detail().empty());
  return ended;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view sent(reinterpret_cast<const char*>(bytes), size);
  const Ended whole = run(sent, size == 0 ? 1 : size);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}}) {
    const Ended cut = run(sent, piece);
    require(cut.finished == whole.finished && cut.output == whole.output);
    require(!cut.finished || cut.verdict == whole.verdict);
  }
  return 0;
}
