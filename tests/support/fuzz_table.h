#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hostspin::testing {

/// One file of tests/fuzz: its name without "_fuzzer", and its entry. Seeds are in
/// tests/vectors/NAME.
struct Fuzzer {
  std::string name;
  int (*run)(const std::uint8_t* bytes, std::size_t size);
};

std::vector<Fuzzer> all_fuzzers();

}  // namespace hostspin::testing
