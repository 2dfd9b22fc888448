// Every file of tests/vectors: good-WHAT is accepted, bad-FAULT.CODE is refused with that code.
// They are written by tests/vectors/make_vectors.py, an implementation of its own, and by
// make_line_vectors.py.
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "catch.h"
#include "config.h"
#include "hostspin/worker_lines.h"
#include "signing.h"

namespace hostspin::testing {
namespace {

struct Vector {
  std::string file;
  std::string expected;  ///< "" for a good one, else the code's name
  std::string bytes;
};

/// "bad-tab.bad_note.note" expects "bad_note".
std::string expected_of(const std::string& file) {
  if (file.starts_with("good-")) return "";
  const std::size_t end = file.rfind('.');
  const std::size_t begin = file.rfind('.', end - 1);
  if (!file.starts_with("bad-") || begin == std::string::npos) {
    throw std::runtime_error("a vector's name must be good-… or bad-FAULT.CODE.…: " + file);
  }
  return file.substr(begin + 1, end - begin - 1);
}

std::vector<Vector> vectors_in(const std::string& folder) {
  std::vector<Vector> vectors;
  const std::filesystem::path path = std::filesystem::path(HOSTSPIN_VECTORS) / folder;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    std::string file = entry.path().filename().string();
    std::string bytes = read_vector(folder + "/" + file);
    std::string expected = expected_of(file);
    vectors.push_back({std::move(file), std::move(expected), std::move(bytes)});
  }
  return vectors;
}

template <typename T>
std::string outcome_of(const Result<T>& result) {
  return result ? std::string() : std::string(code_name(result.error().code));
}

template <typename T>
std::string detail_of(const Result<T>& result) {
  return result ? "accepted" : result.error().detail;
}

/// Runs `judge` over the folder; at least `count_min` files, so that an empty folder is noticed.
template <typename Judge>
void sweep(const std::string& folder, std::size_t count_min, Judge judge) {
  const std::vector<Vector> vectors = vectors_in(folder);
  CHECK(vectors.size() >= count_min);
  for (const Vector& vector : vectors) {
    const auto result = judge(vector);
    INFO(folder << "/" << vector.file << ": " << detail_of(result));
    CHECK(outcome_of(result) == vector.expected);
    if (result) continue;
    // What the operator reads: one line, lower case, no final period, with something to do.
    const Error& error = result.error();
    CHECK(!error.detail.empty());
    CHECK(error.detail.find('\n') == std::string::npos);
    CHECK((error.detail.back() != '.' || error.detail.ends_with("...")));  // a cut quotation
    CHECK(!error.advice().empty());
  }
}

/// Decodes a line by the decoder that its file's name says: "bad-ask-input-name.…".
Result<void> decode_as_named(const Vector& vector) {
  const auto outcome = [](const auto& result) {
    return result ? Result<void>() : Result<void>(result.error());
  };
  const std::string name = vector.file.substr(vector.file.find('-') + 1);
  if (name.starts_with("request-")) return outcome(decode_net_request(vector.bytes));
  if (name.starts_with("result-")) return outcome(decode_net_result(vector.bytes));
  if (name.starts_with("ask-input-")) return outcome(decode_ask_input(vector.bytes));
  if (name.starts_with("ask-output-")) return outcome(decode_ask_output(vector.bytes));
  throw std::runtime_error("no decoder is named by " + vector.file);
}

}  // namespace

TEST_CASE("the independent generator and the tests' own make the same documents", "[vectors]") {
  const TestFleet fleet;
  CHECK(fleet.sign(fleet.root(1)) == read_vector("root/good-1.note"));
  CHECK(fleet.sign(fleet.root(2)) == read_vector("root/good-2.note"));
  CHECK(fleet.sign(fleet.manifest(1)) == read_vector("manifest/good-1.note"));
}

TEST_CASE("notes: each refused file is refused for its fault", "[vectors][note]") {
  const TestFleet fleet;
  const KeyRing ring = ring_of(fleet.manifest_signers, 2);
  sweep("note", 60, [&](const Vector& vector) {
    return open_note(vector.bytes, DocumentKind::manifest, ring);
  });
}

TEST_CASE("roots: each refused file is refused for its fault", "[vectors][root]") {
  const TrustRoot baked = value_of(open_baked_root(read_vector("root/good-1.note")));
  sweep("root", 90, [&](const Vector& vector) {
    if (vector.file == "good-1.note") return open_baked_root(vector.bytes);
    return open_next_root(baked, vector.bytes);
  });
}

TEST_CASE("manifests: each refused file is refused for its fault", "[vectors][manifest]") {
  const TrustRoot root = value_of(open_baked_root(read_vector("root/good-1.note")));
  sweep("manifest", 160, [&](const Vector& vector) { return admit_manifest(vector.bytes, root); });
}

TEST_CASE("verifier keys: each refused file is refused for its fault", "[vectors][key]") {
  sweep("vkey", 40, [&](const Vector& vector) { return VerifierKey::parse(vector.bytes); });
}

TEST_CASE("configurations: each refused file is refused for its fault", "[vectors][config]") {
  sweep("config", 50, [](const Vector& vector) {
    Config config;
    return read_config_text("hostspin.toml", vector.bytes, config);
  });
}

TEST_CASE("workers' lines: each refused file is refused", "[vectors][worker_lines]") {
  sweep("worker_lines", 55, decode_as_named);
}

}  // namespace hostspin::testing
