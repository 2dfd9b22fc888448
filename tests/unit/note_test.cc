#include "hostspin/note.h"

#include <algorithm>
#include <string>
#include <vector>

#include "catch.h"
#include "note_text.h"
#include "signing.h"

namespace hostspin {

using testing::code_of;
using testing::ring_of;
using testing::sign_note;
using testing::Signers;
using testing::SigningKey;
using testing::TestFleet;
using testing::value_of;

namespace {

const std::string kText = "format = \"hostspin-manifest/1\"\nx = 1\n";

Result<VerifiedNote> open(std::string_view bytes, const Signers& signers, int threshold) {
  return open_note(bytes, DocumentKind::manifest, ring_of(signers, threshold));
}

std::vector<std::string> names_of(const std::vector<VerifierKey>& keys) {
  std::vector<std::string> names;
  for (const VerifierKey& key : keys) names.push_back(key.name());
  return names;
}

const SigningKey kAnn("test/ann");
const SigningKey kBen("test/ben");
const SigningKey kCat("test/cat");

}  // namespace

TEST_CASE("a note opens to the very text and bytes that were signed", "[note]") {
  const std::string bytes = sign_note(kText, {kAnn, kBen});
  const VerifiedNote note = value_of(open(bytes, {kAnn, kBen, kCat}, 2));
  CHECK(note.text() == kText);
  CHECK(note.bytes() == bytes);
  CHECK(names_of(note.signers()) == std::vector<std::string>{"test/ann", "test/ben"});
}

TEST_CASE("the verdict and the signers do not depend on the lines' order", "[note]") {
  std::vector<SigningKey> order = {kAnn, kBen, kCat};
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.name() < b.name(); });
  do {
    const VerifiedNote note = value_of(open(sign_note(kText, order), {kCat, kAnn, kBen}, 3));
    CHECK(names_of(note.signers()) == std::vector<std::string>{"test/cat", "test/ann", "test/ben"});
    // One bad line among good ones decides, wherever it stands.
    std::string bytes = sign_note(kText, order);
    const SigningKey impostor("test/impostor");
    const std::string forged = format_signature_line(kBen.verifier(), impostor.sign(kText));
    bytes = testing::with(bytes, kBen.line(kText), forged);
    CHECK(code_of(open(bytes, {kAnn, kBen, kCat}, 1)) == Errc::bad_signature);
  } while (std::next_permutation(order.begin(), order.end(),
                                 [](const auto& a, const auto& b) { return a.name() < b.name(); }));
}

TEST_CASE("a threshold counts from one to all", "[note]") {
  const Signers all = {kAnn, kBen, kCat};
  for (int signers = 0; signers <= 3; ++signers) {
    Signers some(all.begin(), all.begin() + signers);
    some.push_back(SigningKey("test/nobody"));  // a note has at least one line
    const std::string bytes = sign_note(kText, some);
    for (int threshold = 1; threshold <= 3; ++threshold) {
      CAPTURE(signers, threshold);
      const Result<VerifiedNote> note = open(bytes, all, threshold);
      CHECK(note.has_value() == (signers >= threshold));
      if (!note) CHECK(note.error().code == Errc::too_few_signatures);
    }
  }
}

TEST_CASE("too few signatures says who signed, how many must, and never to sign it", "[note]") {
  const Result<VerifiedNote> note = open(sign_note(kText, {kAnn}), {kAnn, kBen, kCat}, 2);
  REQUIRE_FALSE(note);
  CHECK(note.error().detail == "signed by 1 of the 3 keys (" + kAnn.name() + "), 2 must sign");
  CHECK(note.error().advice().find("attack") != std::string::npos);
  CHECK(note.error().advice().find("sign sign") == std::string::npos);
  const Result<VerifiedNote> strangers = open(sign_note(kText, {kCat}), {kAnn, kBen}, 1);
  REQUIRE_FALSE(strangers);
  CHECK(strangers.error().detail == "signed by 0 of the 2 keys, 1 must sign");
}

TEST_CASE("a ring without a threshold opens nothing", "[note]") {
  const std::string bytes = sign_note(kText, {kAnn});
  CHECK(code_of(open(bytes, {kAnn}, 0)) == Errc::usage);
  CHECK(code_of(open(bytes, {kAnn}, -1)) == Errc::usage);
  CHECK(code_of(open(bytes, {}, 1)) == Errc::too_few_signatures);
}

TEST_CASE("a ring in which two keys answer to one line is refused", "[note]") {
  CHECK(code_of(open(sign_note(kText, {kAnn}), {kAnn, kAnn}, 1)) == Errc::bad_key);
}

TEST_CASE("one public key under two names counts once", "[note]") {
  const SigningKey twin("test/twin", kAnn.name());  // the same seed
  REQUIRE(twin.verifier().public_key() == kAnn.verifier().public_key());
  const std::string bytes = sign_note(kText, {kAnn, twin});
  CHECK(code_of(open(bytes, {kAnn, twin, kBen}, 2)) == Errc::too_few_signatures);
  const VerifiedNote note = value_of(open(bytes, {kAnn, twin}, 1));
  CHECK(note.signers().size() == 1);
}

TEST_CASE("lines of opaque keys are ignored, whatever they hold", "[note]") {
  const VerifierKey opaque =
      value_of(VerifierKey::parse(testing::read_vector("vkey/good-opaque.vkey")));
  KeyRing ring = ring_of({kAnn}, 1);
  ring.keys.push_back(opaque);
  const std::string bytes =
      sign_note(kText, {kAnn}) + format_signature_line(opaque, Ed25519Signature{});
  CHECK(open_note(bytes, DocumentKind::manifest, ring));
  ring.threshold = 2;
  CHECK(code_of(open_note(bytes, DocumentKind::manifest, ring)) == Errc::too_few_signatures);
}

TEST_CASE("each kind has its first line and its size", "[note]") {
  CHECK(format_line(DocumentKind::manifest) == "format = \"hostspin-manifest/1\"");
  CHECK(format_line(DocumentKind::root) == "format = \"hostspin-root/1\"");
  for (const DocumentKind kind : {DocumentKind::manifest, DocumentKind::root}) {
    const std::size_t limit = kind == DocumentKind::manifest ? 65536 : 32768;
    CHECK(note_bytes_max(kind) == limit);
    std::string text = std::string(format_line(kind)) + "\n";
    const std::size_t line = kAnn.line("").size();
    while (text.size() + 101 + 1 + line <= limit) text += std::string(100, '#') + "\n";
    text += std::string(limit - text.size() - 2 - line, '#') + "\n";
    const std::string largest = sign_note(text, {kAnn});
    REQUIRE(largest.size() == limit);
    CHECK(split_note(largest, kind));
    const std::string larger = sign_note(testing::with(text, "#", "##"), {kAnn});
    REQUIRE(larger.size() == limit + 1);
    CHECK(code_of(split_note(larger, kind)) == Errc::bad_note);
  }
}

TEST_CASE("a note is split at its last empty line", "[note]") {
  const std::string text = kText + "\n\n# " + "not a signature\n\n";
  const SplitNote note = value_of(split_note(sign_note(text, {kAnn}), DocumentKind::manifest));
  CHECK(note.text == text);
  REQUIRE(note.signatures.size() == 1);
  CHECK(note.signatures[0].name == "test/ann");
  CHECK(note.signatures[0].id == kAnn.verifier().id());
  CHECK(note.signatures[0].signature.size() == 64);
}

TEST_CASE("no byte but line feeds and printable ASCII is text", "[note]") {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = kText + "#" + static_cast<char>(byte) + "\n";
    const bool allowed = byte == '\n' || (byte >= 0x20 && byte <= 0x7e);
    CAPTURE(byte);
    CHECK(check_text_bytes(text).has_value() == allowed);
    CHECK(split_note(sign_note(text, {kAnn}), DocumentKind::manifest).has_value() == allowed);
  }
}

TEST_CASE("any one bit changed anywhere in a note is never accepted as another text", "[note]") {
  const std::string bytes = sign_note(kText, {kAnn, kBen});
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string changed = bytes;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    const Result<VerifiedNote> note = open(changed, {kAnn, kBen}, 2);
    CAPTURE(bit);
    REQUIRE_FALSE(note);
  }
}

TEST_CASE("a note cut short anywhere is refused", "[note]") {
  const std::string bytes = sign_note(kText, {kAnn, kBen});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    REQUIRE_FALSE(open(bytes.substr(0, size), {kAnn, kBen}, 2));
  }
}

TEST_CASE("a bare note has any first line, but a line that is not empty", "[note]") {
  const KeyRing ring = ring_of({kAnn}, 1);
  CHECK(open_bare_note(sign_note("hello\n", {kAnn}), ring));
  CHECK(open_bare_note(sign_note("\n\nhello\n\n", {kAnn}), ring));
  CHECK(code_of(open_bare_note(sign_note("\n", {kAnn}), ring)) == Errc::bad_note);
  CHECK(code_of(open_bare_note(sign_note("\n\n\n", {kAnn}), ring)) == Errc::bad_note);
  CHECK(code_of(open_bare_note(sign_note("hel\tlo\n", {kAnn}), ring)) == Errc::bad_note);
  CHECK(code_of(open_note(sign_note("hello\n", {kAnn}), DocumentKind::root, ring)) ==
        Errc::bad_note);
}

TEST_CASE("a draft's text is held to the profile before anybody signs it", "[note]") {
  const auto check = [](const std::string& text) {
    return check_document_text(text, DocumentKind::manifest);
  };
  CHECK(check(kText));
  CHECK(code_of(check("")) == Errc::bad_note);
  CHECK(code_of(check(kText.substr(0, kText.size() - 1))) == Errc::bad_note);
  CHECK(code_of(check("\n" + kText)) == Errc::bad_note);
  CHECK(code_of(check(kText + "\t\n")) == Errc::bad_note);
  std::string large = kText;
  while (large.size() <= 65536) large += "#\n";
  CHECK(code_of(check(large)) == Errc::bad_note);
  CHECK(check_document_text(kText, DocumentKind::root).error().detail ==
        R"(the first line is 'format = "hostspin-manifest/1"' where it must be exactly )"
        R"('format = "hostspin-root/1"')");
}

TEST_CASE("a bad note's error names the line", "[note]") {
  const auto detail = [](const std::string& bytes) {
    return split_note(bytes, DocumentKind::manifest).error().detail;
  };
  CHECK(detail(sign_note(kText + "\x01\n", {kAnn})) ==
        R"(line 3: the byte '\x01' is not printable ASCII)");
  CHECK(detail(sign_note(kText, {kAnn}) + "- name QUI=\n") ==
        "signature line 2: no em dash and blank at its beginning");
  CHECK(detail(sign_note(kText, {kAnn, kBen, kAnn})) ==
        "signature line 3: a second line of key 'test/ann'");
}

}  // namespace hostspin
