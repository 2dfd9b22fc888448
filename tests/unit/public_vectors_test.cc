// Vectors of others, read from the folder that HOSTSPIN_PUBLIC_VECTORS names and not kept here:
// Project Wycheproof's Ed25519 vectors, the sample notes of C2SP and of Go, and notes by an
// independent signer.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "catch.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;
using testing::value_of;

namespace {

/// The folder; empty, with a visible reason, where there is none.
std::optional<std::filesystem::path> folder() {
  const char* const named = std::getenv("HOSTSPIN_PUBLIC_VECTORS");
  if (named != nullptr && *named != '\0') return std::filesystem::path(named);
  WARN("skipped: HOSTSPIN_PUBLIC_VECTORS names no folder of public vectors");
  return std::nullopt;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path.string());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// The first line, without its LF.
std::string read_line(const std::filesystem::path& path) {
  const std::string text = read(path);
  return text.substr(0, text.find('\n'));
}

/// The columns of every line that is no comment.
std::vector<std::vector<std::string>> read_table(const std::filesystem::path& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(read(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> row;
    std::istringstream columns(line);
    for (std::string column; std::getline(columns, column, '\t');) row.push_back(column);
    rows.push_back(row);
  }
  return rows;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

VerifierKey load(const std::string& text) { return value_of(VerifierKey::parse(text)); }

/// Verifies as a client does: the key must load, the signature have 64 bytes.
bool verifies(const std::string& key, const std::string& message, const std::string& signature) {
  Ed25519PublicKey raw{};
  Ed25519Signature fixed{};
  if (key.size() != raw.size() || signature.size() != fixed.size()) return false;
  std::copy(key.begin(), key.end(), raw.begin());
  std::copy(signature.begin(), signature.end(), fixed.begin());
  if (!VerifierKey::from_public_key("test/vector", raw)) return false;
  return verify_ed25519(raw, message, fixed);
}

}  // namespace

TEST_CASE("Wycheproof: 151 Ed25519 vectors", "[public]") {
  const auto base = folder();
  if (!base) return;
  const nlohmann::json suite = nlohmann::json::parse(read(*base / "wycheproof-ed25519_test.json"));
  int count = 0;
  for (const nlohmann::json& group : suite.at("testGroups")) {
    const nlohmann::json& public_key =
        group.contains("publicKey") ? group.at("publicKey") : group.at("key");
    const std::string key = from_hex(public_key.at("pk").get<std::string>());
    for (const nlohmann::json& test : group.at("tests")) {
      const int number = test.at("tcId").get<int>();
      CAPTURE(number);
      const std::string result = test.at("result").get<std::string>();
      REQUIRE((result == "valid" || result == "invalid"));
      CHECK(verifies(key, from_hex(test.at("msg").get<std::string>()),
                     from_hex(test.at("sig").get<std::string>())) == (result == "valid"));
      ++count;
    }
  }
  CHECK(count == 151);
}

TEST_CASE("C2SP and Go: their sample notes open as bare notes", "[public]") {
  const auto base = folder();
  if (!base) return;
  const std::filesystem::path official = *base / "official";
  const VerifierKey foo = load(read_line(official / "c2sp-foo.vkey"));
  const VerifierKey peter = load(read_line(official / "PeterNeumann.vkey"));
  const VerifierKey enoch = load(read_line(official / "EnochRoot.vkey"));
  const auto signers = [&](const char* note, const KeyRing& ring) {
    return value_of(open_bare_note(read(official / note), ring)).signers().size();
  };
  CHECK(signers("c2sp-foo.note", {{foo}, 1}) == 1);
  CHECK(signers("go-peter.note", {{peter}, 1}) == 1);
  CHECK(signers("go-peter.note", {{peter, enoch}, 1}) == 1);
  CHECK(signers("go-peter-enoch.note", {{peter, enoch}, 2}) == 2);
  CHECK(code_of(open_bare_note(read(official / "go-peter.note"), {{peter, enoch}, 2})) ==
        Errc::too_few_signatures);
}

TEST_CASE("an independent signer's root and manifest are admitted", "[public]") {
  const auto base = folder();
  if (!base) return;
  const TrustRoot root = value_of(open_baked_root(read(*base / "example/3.root.note")));
  CHECK(root.version() == 3);
  CHECK(root.document().fleet == "prod.example");
  const AdmittedManifest manifest =
      value_of(admit_manifest(read(*base / "example/manifest.note"), root));
  CHECK(manifest.rank() == std::pair<std::int64_t, std::int64_t>(1, 42));
  CHECK_FALSE(manifest.expired(testing::at("2026-10-15T00:00:00Z")));
  CHECK_FALSE(root.expired(testing::at("2026-10-15T00:00:00Z")));
}

TEST_CASE("an independent list of bad verifier keys does not load", "[public]") {
  const auto base = folder();
  if (!base) return;
  std::size_t refused = 0;
  for (const std::vector<std::string>& row : read_table(*base / "bad-vkeys.tsv")) {
    REQUIRE(row.size() == 3);
    std::string text = row[0];
    const std::string& why = row[2];
    CAPTURE(text, why);
    if (text.ends_with("\\n")) text.replace(text.size() - 2, 2, "\n");
    const Result<VerifierKey> key = VerifierKey::parse(text);
    if (why.starts_with("control")) {
      CHECK(key);
    } else if (why.find("opaque") != std::string::npos) {
      CHECK(value_of(key).is_opaque());
    } else {
      CHECK(code_of(key) == Errc::bad_key);
      ++refused;
    }
  }
  CHECK(refused >= 10);
}

TEST_CASE("notes that small-order keys verify cannot be opened: the keys do not load", "[public]") {
  const auto base = folder();
  if (!base) return;
  std::size_t count = 0;
  for (const std::vector<std::string>& row : read_table(*base / "small-order.tsv")) {
    REQUIRE(row.size() == 4);
    CAPTURE(row[1]);
    CHECK(code_of(VerifierKey::parse(row[0])) == Errc::bad_key);
    // The forgery itself is sound: RFC 8032 alone would take it.
    const SplitNote note = value_of(split_bare_note(read(*base / row[3])));
    REQUIRE(note.signatures.size() == 1);
    Ed25519PublicKey key{};
    const std::string raw = from_hex(row[1]);
    std::copy(raw.begin(), raw.end(), key.begin());
    Ed25519Signature signature{};
    REQUIRE(note.signatures[0].signature.size() == signature.size());
    std::copy(note.signatures[0].signature.begin(), note.signatures[0].signature.end(),
              signature.begin());
    CHECK(testing::openssl_verifies(key, note.text, signature));
    CHECK_FALSE(verify_ed25519(key, note.text, signature));
    ++count;
  }
  CHECK(count == 14);
}

}  // namespace hostspin
