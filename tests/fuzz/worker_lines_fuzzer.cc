// Every line that crosses the border between hostspin and its workers: whatever bytes arrive, the
// decoders answer with a value or an error, and what a decoder takes survives being written again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "hostspin/worker_lines.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace hostspin;
  const std::string_view line(reinterpret_cast<const char*>(bytes), size);
  if (const Result<NetResult> result = decode_net_result(line); result) {
    if (result->fetch) require(decode_net_result(encode(*result->fetch)).has_value());
    if (result->probe) require(decode_net_result(encode(*result->probe)).has_value());
    if (result->asked) require(decode_net_result(encode(*result->asked)).has_value());
    if (result->notice) require(decode_net_result(encode(*result->notice)).has_value());
  }
  if (const Result<NetRequest> request = decode_net_request(line); request) {
    if (request->start) require(decode_net_request(encode(*request->start)).has_value());
    if (request->fetch) require(decode_net_request(encode(*request->fetch)).has_value());
    if (request->probe) require(decode_net_request(encode(*request->probe)).has_value());
  }
  if (const Result<AskInput> input = decode_ask_input(line); input && input->ask) {
    require(decode_ask_input(encode(*input->ask)).has_value());
  }
  if (const Result<AskOutput> output = decode_ask_output(line); output && output->ask) {
    require(decode_ask_output(encode(*output->ask)).has_value());
  }
  return 0;
}
