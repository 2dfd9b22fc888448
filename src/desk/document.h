#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hostspin/crypto.h"
#include "hostspin/note.h"
#include "hostspin/result.h"

namespace hostspin::desk {

/// A document on the desk: a draft that nobody has signed yet, or a note. It obeys the profile
/// (bytes, lines, sizes, first line); nothing else of it is proved.
struct Document {
  std::string path;  ///< as given, for messages
  DocumentKind kind = DocumentKind::manifest;
  std::string text;
  std::vector<SignatureLine> signatures;  ///< none in a draft
  std::string bytes;                      ///< the whole file

  [[nodiscard]] bool is_draft() const { return signatures.empty(); }
  /// SHA-256 of the text, what signatures cover, in 64 hex digits.
  [[nodiscard]] std::string digest() const { return to_hex(sha256(text)); }
};

/// "manifest" or "root".
[[nodiscard]] std::string_view kind_name(DocumentKind kind);

/// Reads a draft or a note of either kind; "-" is standard input. Errc::bad_note with what to
/// correct.
Result<Document> load_document(const std::string& path);
Result<Document> parse_document(std::string bytes, const std::string& path);

/// Whether `bytes` end in a signature block.
[[nodiscard]] bool has_signatures(std::string_view bytes);

/// What becomes of a line about to be appended.
enum class Appended {
  added,
  present,  ///< the very key's line is there already and verifies
};

/// Appends the signature of `key`, after verifying it over the text; the block is begun if there is
/// none. Errc::bad_signature where it, or a line of the same key that is there already, does not
/// verify.
Result<Appended> append_signature(Document& document, const VerifierKey& key,
                                  const Ed25519Signature& signature);

/// Adds the signature lines of `other`, a note with the very same text, that `document` does not
/// have.
Result<void> merge_signatures(Document& document, const Document& other);

/// Whether the document has a line of `key` that verifies.
[[nodiscard]] bool is_signed_by(const Document& document, const VerifierKey& key);

/// Every line of a key of `ring` that does not verify, by the key's name: clients refuse such a
/// note.
[[nodiscard]] std::vector<std::string> bad_lines(const Document& document, const KeyRing& ring);

/// How far a document is on its way to a ring's threshold.
struct Tally {
  std::vector<std::string> signed_by;  ///< names, one a distinct public key
  std::vector<std::string> missing;    ///< names of usable keys without a line
  int threshold = 1;

  [[nodiscard]] bool met() const { return signed_by.size() >= static_cast<std::size_t>(threshold); }
  /// "1 of 2 signatures (alice); needed: 1 more of bob, carol".
  [[nodiscard]] std::string describe() const;
};
[[nodiscard]] Tally tally(const Document& document, const KeyRing& ring);

}  // namespace hostspin::desk
