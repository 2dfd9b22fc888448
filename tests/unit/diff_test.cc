#include <random>
#include <sstream>

#include "catch.h"
#include "hosts_sample.h"
#include "hostspin/hosts_file.h"

using namespace hostspin;

namespace {

std::string diff(std::string_view a, std::string_view b) { return unified_diff(a, b, "a", "b"); }

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// A patch program of its own: applies a diff of plain text to `before`.
std::string patched(const std::string& before, const std::string& diff_text) {
  const std::vector<std::string> old_lines = lines_of(before);
  const std::vector<std::string> diff_lines = lines_of(diff_text);
  std::string out;
  std::size_t at = 0;
  for (std::size_t i = 2; i < diff_lines.size(); ++i) {
    const std::string& line = diff_lines[i];
    if (line.starts_with("@@")) {
      // "@@ -start[,count] +…": an empty range names the line before it.
      std::size_t start = std::stoul(line.substr(4));
      const std::size_t comma = line.find_first_of(", ", 4);
      const bool empty = line[comma] == ',' && std::stoul(line.substr(comma + 1)) == 0;
      if (!empty) --start;
      while (at < start) out += old_lines.at(at++) + "\n";
      continue;
    }
    REQUIRE_FALSE(line.empty());
    if (line[0] == '+') {
      out += line.substr(1) + "\n";
    } else {
      REQUIRE(old_lines.at(at++) == line.substr(1));
      if (line[0] == ' ') out += line.substr(1) + "\n";
    }
  }
  while (at < old_lines.size()) out += old_lines.at(at++) + "\n";
  return out;
}

}  // namespace

TEST_CASE("equal texts have no diff", "[diff]") {
  CHECK(diff("", "").empty());
  CHECK(diff("a\nb\n", "a\nb\n").empty());
}

TEST_CASE("a diff reads as diff -u writes it", "[diff]") {
  CHECK(diff("1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nfive\n6\n7\n8\n9\n") ==
        "--- a\n+++ b\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
  CHECK(diff("", "x\n") == "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
  CHECK(diff("x\n", "") == "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
  CHECK(diff("b\n", "a\nb\n") == "--- a\n+++ b\n@@ -1 +1,2 @@\n+a\n b\n");
  CHECK(diff("x", "x\n") == "--- a\n+++ b\n@@ -1 +1 @@\n-x\n\\ No newline at end of file\n+x\n");
}

TEST_CASE("distant changes make hunks of their own, near ones share one", "[diff]") {
  const auto count_hunks = [](int between) {
    std::string a = "x\n";
    std::string b = "y\n";
    for (int i = 0; i < between; ++i) {
      a += std::to_string(i) + "\n";
      b += std::to_string(i) + "\n";
    }
    const std::string text = diff(a + "x\n", b + "y\n");
    std::size_t hunks = 0;
    for (const std::string& line : lines_of(text)) hunks += line.starts_with("@@") ? 1U : 0U;
    return hunks;
  };
  CHECK(count_hunks(6) == 1);
  CHECK(count_hunks(7) == 2);
}

TEST_CASE("foreign bytes are escaped and long lines cut", "[diff]") {
  CHECK(diff("", "10.0.0.1\ta\x1b[31m\xff\n") ==
        "--- a\n+++ b\n@@ -0,0 +1 @@\n+10.0.0.1\ta\\x1b[31m\\xff\n");
  const std::string text = diff("", std::string(100000, 'x') + "\n");
  CHECK(text.size() < 500);
  CHECK_THAT(text, Catch::Contains("xxx...\n"));
}

TEST_CASE("a diff turns the one text into the other", "[diff]") {
  std::mt19937 random(20260101);  // fixed, so that a failure comes back
  const auto pick = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  for (int round = 0; round < 300; ++round) {
    std::string a;
    std::string b;
    const std::size_t size = pick(60);
    for (std::size_t i = 0; i < size; ++i) {
      const std::string line = std::to_string(pick(8)) + "\n";
      const std::size_t fate = pick(6);
      if (fate != 0) a += line;
      if (fate != 1) b += line;
      if (fate == 2) b += std::to_string(pick(8)) + "\n";
    }
    CAPTURE(a, b);
    if (a == b) continue;
    CHECK(patched(a, diff(a, b)) == b);
  }
}

TEST_CASE("texts with nothing in common are shown whole, in bounded time", "[diff]") {
  std::string a;
  std::string b;
  for (int i = 0; i < 20000; ++i) {
    a += "a" + std::to_string(i) + "\n";
    b += "b" + std::to_string(i) + "\n";
  }
  CHECK(patched(a, diff(a, b)) == b);
}

TEST_CASE("a block of the largest size is compared line by line", "[diff]") {
  std::vector<Pin> pins;
  for (int i = 0; i < 1000; ++i)
    pins.push_back(make_pin("10.0.0.1", "n" + std::to_string(i) + ".example"));
  const std::string before = make_block(pins) + std::string(kSampleHosts);
  pins[500] = make_pin("10.0.0.2", "n500.example");
  const std::string after = make_block(pins) + std::string(kSampleHosts);
  const std::vector<std::string> lines = lines_of(diff(before, after));
  CHECK(lines.size() == 2 + 1 + 3 + 2 + 3);
}
