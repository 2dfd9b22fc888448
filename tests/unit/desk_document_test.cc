#include <string>

#include "catch.h"
#include "document.h"
#include "draft_edit.h"
#include "signing.h"

namespace hostspin::desk {

using testing::at;
using testing::code_of;
using testing::ring_of;
using testing::sign_note;
using testing::TestFleet;
using testing::value_of;
using testing::with;

namespace {

const TestFleet kFleet;
const std::string kText = kFleet.manifest(7).text();

Document draft() { return value_of(parse_document(kText, "draft")); }

}  // namespace

TEST_CASE("a document is a draft until its block begins", "[desk]") {
  CHECK(draft().is_draft());
  CHECK(draft().kind == DocumentKind::manifest);
  const std::string note = sign_note(kText, {kFleet.manifest_signers[0]});
  const Document opened = value_of(parse_document(note, "note"));
  CHECK_FALSE(opened.is_draft());
  CHECK(opened.text == kText);
  CHECK(value_of(parse_document(kFleet.root().text(), "root")).kind == DocumentKind::root);
}

TEST_CASE("what breaks the profile is refused with what to do about it", "[desk]") {
  const std::string broken[] = {"",
                                "hello\n",
                                " " + kText,
                                kText.substr(0, kText.size() - 1),
                                with(kText, "\n", "\r\n"),
                                with(kText, "name = ", "name\t= "),
                                kText + "\xc3\xa4\n",
                                kText + std::string(4097, 'x') + "\n",
                                kText + "\n\xe2\x80\x94 nobody AAAA\n"};
  for (const std::string& bytes : broken) {
    CAPTURE(bytes);
    const Result<Document> document = parse_document(bytes, "file");
    CHECK(code_of(document) == Errc::bad_note);
    CHECK_FALSE(document.error().hint.empty());
  }
}

TEST_CASE("signatures appended one by one make a note that a client opens", "[desk]") {
  Document document = draft();
  for (const auto& signer : {kFleet.manifest_signers[0], kFleet.manifest_signers[1]}) {
    CHECK(value_of(append_signature(document, signer.verifier(), signer.sign(kText))) ==
          Appended::added);
  }
  CHECK(document.bytes ==
        sign_note(kText, {kFleet.manifest_signers[0], kFleet.manifest_signers[1]}));
  CHECK(admit_manifest(document.bytes, kFleet.open_root()).has_value());
}

TEST_CASE("a line of the same key is not written twice", "[desk]") {
  const auto& signer = kFleet.manifest_signers[0];
  Document document = value_of(parse_document(sign_note(kText, {signer}), "note"));
  const std::string before = document.bytes;
  CHECK(value_of(append_signature(document, signer.verifier(), signer.sign(kText))) ==
        Appended::present);
  CHECK(document.bytes == before);
}

TEST_CASE("no signature that does not verify is appended", "[desk]") {
  const auto& signer = kFleet.manifest_signers[0];
  Document document = draft();
  Ed25519Signature signature = signer.sign(kText);
  signature[0] ^= 1U;
  CHECK(code_of(append_signature(document, signer.verifier(), signature)) == Errc::bad_signature);
  CHECK(code_of(append_signature(document, signer.verifier(), signer.sign(kText + "x"))) ==
        Errc::bad_signature);
  CHECK(document.is_draft());
}

TEST_CASE("a text changed after signing takes no further signature of that key", "[desk]") {
  const auto& signer = kFleet.manifest_signers[0];
  const std::string changed = with(sign_note(kText, {signer}), "10.1.2.3", "10.1.2.4");
  Document document = value_of(parse_document(changed, "note"));
  CHECK(bad_lines(document, ring_of({signer}, 1)).size() == 1);
  CHECK(code_of(append_signature(document, signer.verifier(), signer.sign(document.text))) ==
        Errc::bad_signature);
}

TEST_CASE("signatures over the same text merge, each key once", "[desk]") {
  const auto& signers = kFleet.manifest_signers;
  Document document = value_of(parse_document(sign_note(kText, {signers[0]}), "a"));
  const Document other = value_of(parse_document(sign_note(kText, {signers[0], signers[1]}), "b"));
  REQUIRE(merge_signatures(document, other));
  CHECK(document.bytes == other.bytes);
  Document fresh = draft();
  REQUIRE(merge_signatures(fresh, other));
  CHECK(fresh.bytes == other.bytes);
}

TEST_CASE("a tally counts distinct keys and names the missing", "[desk]") {
  const auto& signers = kFleet.manifest_signers;
  const KeyRing ring = ring_of(signers, 2);
  const Document one = value_of(parse_document(sign_note(kText, {signers[1]}), "note"));
  const Tally count = tally(one, ring);
  CHECK_FALSE(count.met());
  CHECK(count.signed_by == std::vector<std::string>{signers[1].name()});
  CHECK(count.describe() == "1 of 2 signatures (" + signers[1].name() + "); needed: 1 more of " +
                                signers[0].name() + ", " + signers[2].name());
  const Document two = value_of(parse_document(sign_note(kText, {signers[1], signers[2]}), "note"));
  CHECK(tally(two, ring).met());
}

TEST_CASE("an edition changes its three values and no other byte", "[desk]") {
  const std::string text =
      "format = \"hostspin-manifest/1\"\n# version = 1\n  version   =  41   # the last one\n"
      "issued = 2026-01-01 00:00:00Z # blank, as TOML allows\nexpires=2026-02-01T00:00:00Z\n"
      "[[service]]\nversion = 9\n";
  CHECK(value_of(set_edition(text, 42, at("2026-03-01T00:00:00Z"), at("2026-04-01T00:00:00Z"))) ==
        "format = \"hostspin-manifest/1\"\n# version = 1\n  version   =  42   # the last one\n"
        "issued = 2026-03-01T00:00:00Z # blank, as TOML allows\nexpires=2026-04-01T00:00:00Z\n"
        "[[service]]\nversion = 9\n");
}

TEST_CASE("a value that is not one line at the top is not guessed at", "[desk]") {
  CHECK(code_of(set_value("a = 1\n", "version", "2")) == Errc::usage);
  CHECK(code_of(set_value("version = 1\nversion = 2\n", "version", "3")) == Errc::usage);
  CHECK(code_of(set_value("[table]\nversion = 1\n", "version", "2")) == Errc::usage);
  CHECK(code_of(set_value("versions = 1\n", "version", "2")) == Errc::usage);
  CHECK(code_of(set_value("version = # 1\n", "version", "2")) == Errc::usage);
}

}  // namespace hostspin::desk
