#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/crypto.h"
#include "hostspin/result.h"

namespace hostspin {

inline constexpr std::size_t kManifestNoteBytesMax = 65536;
inline constexpr std::size_t kRootNoteBytesMax = 32768;
inline constexpr std::size_t kTextLineBytesMax = 4096;  ///< before its LF, as below
inline constexpr std::size_t kSignatureLinesMax = 32;
inline constexpr std::size_t kSignatureLineBytesMax = 8192;

enum class DocumentKind { manifest, root };

/// `format = "hostspin-manifest/1"` or `format = "hostspin-root/1"`, without the LF: the first line,
/// which is signed, so that a key's signature on one kind never counts for the other.
[[nodiscard]] std::string_view format_line(DocumentKind kind);
[[nodiscard]] std::size_t note_bytes_max(DocumentKind kind);

/// A verifier key, `name+hash+base64` (C2SP signed-note, "Verifier keys"). Type 0x01 is Ed25519; any
/// other type is opaque: kept, never counted.
class VerifierKey {
 public:
  /// Errc::bad_key. Refuses what must never verify anything: a hash that does not match, y >= p, the
  /// 14 encodings of small-order points.
  static Result<VerifierKey> parse(std::string_view text);
  /// The Ed25519 key of that name; same refusals.
  static Result<VerifierKey> from_public_key(std::string_view name, const Ed25519PublicKey& key);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] bool is_opaque() const { return type_ != 1; }
  /// Only of a key that is not opaque.
  [[nodiscard]] const Ed25519PublicKey& public_key() const { return public_key_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  bool operator==(const VerifierKey&) const = default;

 private:
  VerifierKey() = default;
  std::string name_;
  std::uint32_t id_ = 0;
  std::uint8_t type_ = 1;
  Ed25519PublicKey public_key_{};
  std::string text_;
};

/// The keys of one role and how many distinct public keys must sign.
struct KeyRing {
  std::vector<VerifierKey> keys;
  int threshold = 1;
};

/// One `— name base64` line.
struct SignatureLine {
  std::string name;
  std::uint32_t id = 0;
  std::string signature;  ///< what follows the key ID, raw
};

/// A note taken apart, nothing of it proved. `text` ends in its last LF.
struct SplitNote {
  std::string text;
  std::vector<SignatureLine> signatures;
};

/// Sizes, byte set, line lengths, signature block and first line, but no signature. Errc::bad_note.
Result<SplitNote> split_note(std::string_view bytes, DocumentKind kind);
/// The same for a bare note: no first-line rule; the text has a line that is not empty.
Result<SplitNote> split_bare_note(std::string_view bytes);

/// Text whose signatures met a key ring's threshold. Only the open functions make one, so what takes
/// a VerifiedNote cannot be handed unverified bytes.
class VerifiedNote {
 public:
  [[nodiscard]] std::string_view text() const { return text_; }
  /// The whole note, byte for byte as it was given.
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  /// Verifier keys whose signature counted, one a distinct public key.
  [[nodiscard]] const std::vector<VerifierKey>& signers() const { return signers_; }

 private:
  friend Result<VerifiedNote> open_split(SplitNote, std::string_view, const KeyRing&);
  VerifiedNote() = default;
  std::string text_;
  std::string bytes_;
  std::vector<VerifierKey> signers_;
};

/// C2SP signed-note verification under the profile. Lines of keys outside the ring are ignored; a
/// line of a known key that does not verify refuses the note (Errc::bad_signature); fewer distinct
/// public keys than the threshold is Errc::too_few_signatures.
Result<VerifiedNote> open_note(std::string_view bytes, DocumentKind kind, const KeyRing& keys);
Result<VerifiedNote> open_bare_note(std::string_view bytes, const KeyRing& keys);

/// The signed bytes plus their signature lines in the note's form.
[[nodiscard]] std::string format_signature_line(const VerifierKey& key,
                                                const Ed25519Signature& signature);

}  // namespace hostspin
