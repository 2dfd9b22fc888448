// The fuzzers' promises, held against their seeds and a fixed set of damages to each seed: without
// libFuzzer, the same on every run.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "catch.h"
#include "fuzz_table.h"

namespace hostspin::testing {
namespace {

std::vector<std::string> seeds_of(const std::string& name) {
  std::vector<std::string> seeds = {"", "\n", "\n\n", std::string(1, '\0')};
  const std::filesystem::path folder = std::filesystem::path(HOSTSPIN_VECTORS) / name;
  if (!std::filesystem::is_directory(folder)) return seeds;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return seeds;
}

void run(const Fuzzer& fuzzer, const std::string& bytes) {
  (void)fuzzer.run(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

/// Cut short, a byte changed, a piece doubled, a piece left out.
void run_damaged(const Fuzzer& fuzzer, const std::string& seed) {
  constexpr int kDamages = 12;
  std::minstd_rand random(1);  // one sequence, so that a failure is found again
  const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random()) % end; };
  for (int i = 0; i < kDamages && !seed.empty(); ++i) {
    const std::size_t where = below(seed.size());
    const std::size_t length = 1 + below(64);
    std::string flipped = seed;
    flipped[where] = static_cast<char>(below(256));
    run(fuzzer, flipped);
    run(fuzzer, seed.substr(0, where));
    run(fuzzer, seed.substr(0, where) + seed.substr(where, length) + seed.substr(where));
    run(fuzzer, std::string(seed).erase(where, length));
  }
}

}  // namespace

TEST_CASE("every fuzzer keeps its promises on its seeds and on damaged ones", "[fuzz]") {
  const std::vector<Fuzzer> fuzzers = all_fuzzers();
  REQUIRE(fuzzers.size() >= 3);
  for (const Fuzzer& fuzzer : fuzzers) {
    const std::vector<std::string> seeds = seeds_of(fuzzer.name);
    INFO(fuzzer.name);
    for (const std::string& seed : seeds) {
      run(fuzzer, seed);  // a broken promise aborts
      run_damaged(fuzzer, seed);
    }
    CHECK(seeds.size() >= 4);
  }
}

}  // namespace hostspin::testing
