#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hostspin/hosts_file.h"

namespace hostspin {

[[nodiscard]] Pin make_pin(std::string_view address, std::string_view name);

/// The pins of the sample block that the files in tests/vectors/hosts/ are about.
[[nodiscard]] std::vector<Pin> sample_pins();
/// Other pins for the same names and one more.
[[nodiscard]] std::vector<Pin> changed_pins();
/// The block for pins, in the name of prod.example's epoch 1.
[[nodiscard]] std::string make_block(const std::vector<Pin>& pins, std::int64_t version = 42);

/// A plan with its bytes put together, so that it may outlive what it was made of.
struct Worked : Plan {
  explicit Worked(Plan plan) : Plan(std::move(plan)), after(Plan::after.str()) { Plan::after = {}; }
  std::string after;
};

inline constexpr std::string_view kSampleHosts = "127.0.0.1\tlocalhost\n10.0.0.7\tother.example\n";

}  // namespace hostspin
