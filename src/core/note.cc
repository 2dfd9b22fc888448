#include "hostspin/note.h"

#include <algorithm>
#include <set>
#include <utility>

#include "foreign_form.h"
#include "key_name.h"
#include "note_split.h"
#include "note_text.h"

namespace hostspin {
namespace {

constexpr std::string_view kDash =
    "\xe2\x80\x94 ";  // an em dash and a blank begin a signature line
constexpr std::size_t kKeyIdBytes = 4;

Result<SignatureLine> parse_signature_line(std::string_view line) {
  if (line.size() > kSignatureLineBytesMax) return {Errc::bad_note, "longer than 8192 bytes"};
  if (!line.starts_with(kDash)) return {Errc::bad_note, "no em dash and blank at its beginning"};
  line.remove_prefix(kDash.size());
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return {Errc::bad_note, "no blank after the key's name"};
  const std::string_view name = line.substr(0, blank);
  if (!is_key_name(name)) return {Errc::bad_note, quoted(name) + " is not a key name"};

  Result<std::string> blob = decode_base64(line.substr(blank + 1));
  if (!blob) return std::move(blob).error();
  if (blob->size() <= kKeyIdBytes) return {Errc::bad_note, "no signature after the key ID"};
  return SignatureLine{std::string(name), read_key_id(*blob), blob->substr(kKeyIdBytes)};
}

Result<std::vector<SignatureLine>> parse_signature_block(std::string_view block) {
  std::vector<SignatureLine> lines;
  std::set<std::pair<std::string, std::uint32_t>> seen;
  while (!block.empty()) {
    const std::string where = "signature line " + std::to_string(lines.size() + 1);
    if (lines.size() == kSignatureLinesMax) {
      return {Errc::bad_note, "more than 32 signature lines"};
    }
    const std::size_t end = block.find('\n');  // there is one: the note's last byte
    Result<SignatureLine> line = parse_signature_line(block.substr(0, end));
    if (!line) return annotate(std::move(line).error(), where);
    // signed-note leaves it open; one key, one line leaves nothing to count twice.
    if (!seen.emplace(line->name, line->id).second) {
      return {Errc::bad_note, where + ": a second line of key " + quoted(line->name)};
    }
    lines.push_back(*std::move(line));
    block.remove_prefix(end + 1);
  }
  return lines;
}

/// Everything about a note but its first line.
Result<SplitNote> split_any(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > bytes_max) {
    return {Errc::bad_note, "larger than " + std::to_string(bytes_max) + " bytes"};
  }
  if (bytes.empty()) return {Errc::bad_note, "empty"};
  if (bytes.back() != '\n') return {Errc::bad_note, "the last byte is not a line feed"};
  // The LAST empty line, so that a note nested in the text is text.
  const std::size_t gap = bytes.rfind("\n\n");
  if (gap == std::string_view::npos) return {Errc::bad_note, "no empty line before signatures"};
  const std::string_view text = bytes.substr(0, gap + 1);
  const std::string_view block = bytes.substr(gap + 2);
  if (block.empty()) return {Errc::bad_note, "no signature lines"};

  if (Result<void> checked = check_text_bytes(text); !checked) return std::move(checked).error();
  Result<std::vector<SignatureLine>> signatures = parse_signature_block(block);
  if (!signatures) return std::move(signatures).error();
  return SplitNote{std::string(text), *std::move(signatures)};
}

/// The same; a file of another form is said to be that, not to lack what notes have. The remedy
/// stands in the detail: of a source's answer nothing else is kept.
Result<SplitNote> split(std::string_view bytes, std::size_t bytes_max) {
  Result<SplitNote> note = split_any(bytes, bytes_max);
  if (note) return note;
  const std::optional<ForeignForm> form = foreign_form(bytes);
  if (!form) return note;
  return {Errc::bad_note, std::string(form->what) + ": " + std::string(form->of_note)};
}

Result<void> check_first_line(std::string_view text, DocumentKind kind) {
  const std::string_view first = text.substr(0, text.find('\n'));
  if (first == format_line(kind)) return {};
  return {Errc::bad_note, "the first line is " + quoted(first) + " where it must be exactly " +
                              quoted(format_line(kind))};
}

Result<void> check_ring(const KeyRing& ring) {
  if (ring.threshold < 1) {
    return {Errc::usage, "a threshold of " + std::to_string(ring.threshold) +
                             " would accept what nobody signed"};
  }
  // 32 bits of ID can be made to collide: a line that two keys claim could be judged by either.
  std::set<std::pair<std::string, std::uint32_t>> seen;
  for (const VerifierKey& key : ring.keys) {
    if (!seen.emplace(key.name(), key.id()).second) {
      return {Errc::bad_key, "two keys are named " + quoted(key.name()) + " with the same ID"};
    }
  }
  return {};
}

const VerifierKey* find_key(const KeyRing& ring, const SignatureLine& line) {
  const auto found = std::find_if(ring.keys.begin(), ring.keys.end(), [&](const VerifierKey& key) {
    return !key.is_opaque() && key.name() == line.name && key.id() == line.id;
  });
  return found == ring.keys.end() ? nullptr : &*found;
}

bool verifies(const VerifierKey& key, const SplitNote& note, const SignatureLine& line) {
  Ed25519Signature signature{};
  if (line.signature.size() != signature.size()) return false;
  std::copy(line.signature.begin(), line.signature.end(), signature.begin());
  return verify_ed25519(key.public_key(), note.text, signature);
}

}  // namespace

std::string_view format_line(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::manifest:
      return R"(format = "hostspin-manifest/1")";
    case DocumentKind::root:
      return R"(format = "hostspin-root/1")";
  }
  return {};
}

std::size_t note_bytes_max(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::manifest:
      return kManifestNoteBytesMax;
    case DocumentKind::root:
      return kRootNoteBytesMax;
  }
  return 0;
}

Result<void> check_text_bytes(std::string_view text) {
  if (text.empty() || text.back() != '\n') {
    return {Errc::bad_note, "the text's last byte is not a line feed"};
  }
  std::size_t line = 1;
  std::size_t length = 0;
  for (const char c : text) {
    if (c == '\n') {
      ++line;
      length = 0;
      continue;
    }
    if (c < 0x20 || c > 0x7e) {
      return {Errc::bad_note, "line " + std::to_string(line) + ": the byte " +
                                  quoted(std::string_view(&c, 1)) + " is not printable ASCII"};
    }
    if (++length > kTextLineBytesMax) {
      return {Errc::bad_note, "line " + std::to_string(line) + ": longer than 4096 bytes"};
    }
  }
  return {};
}

Result<void> check_document_text(std::string_view text, DocumentKind kind) {
  if (text.size() > note_bytes_max(kind)) {
    return {Errc::bad_note, "larger than " + std::to_string(note_bytes_max(kind)) + " bytes"};
  }
  if (Result<void> checked = check_text_bytes(text); !checked) return checked;
  return check_first_line(text, kind);
}

Result<SplitNote> split_note(std::string_view bytes, DocumentKind kind) {
  Result<SplitNote> note = split(bytes, note_bytes_max(kind));
  if (!note) return note;
  if (Result<void> first = check_first_line(note->text, kind); !first) {
    return std::move(first).error();
  }
  return note;
}

Result<SplitNote> split_bare_note(std::string_view bytes) {
  Result<SplitNote> note = split(bytes, kManifestNoteBytesMax);
  if (note && note->text.find_first_not_of('\n') == std::string::npos) {
    return {Errc::bad_note, "the text has no line that is not empty"};
  }
  return note;
}

Result<VerifiedNote> open_split(SplitNote note, std::string_view bytes, const KeyRing& keys) {
  if (Result<void> ring = check_ring(keys); !ring) return std::move(ring).error();

  std::set<const VerifierKey*> signed_by;
  for (const SignatureLine& line : note.signatures) {
    const VerifierKey* key = find_key(keys, line);
    if (key == nullptr) continue;
    // signed-note: a known key whose signature fails rejects the whole note.
    if (!verifies(*key, note, line)) {
      return {Errc::bad_signature, "the signature of " + quoted(key->name()) + " does not verify"};
    }
    signed_by.insert(key);
  }

  // In the ring's order, whatever the order of the lines; one for each distinct public key.
  VerifiedNote opened;
  std::set<Ed25519PublicKey> counted;
  for (const VerifierKey& key : keys.keys) {
    if (!signed_by.contains(&key)) continue;
    if (counted.insert(key.public_key()).second) opened.signers_.push_back(key);
  }
  const auto threshold = static_cast<std::size_t>(keys.threshold);
  if (counted.size() < threshold) {
    std::string names;
    for (const VerifierKey& key : opened.signers_) {
      names += (names.empty() ? " (" : ", ") + key.name();
    }
    if (!names.empty()) names += ')';
    return {Errc::too_few_signatures, "signed by " + std::to_string(counted.size()) + " of the " +
                                          std::to_string(keys.keys.size()) + " keys" + names +
                                          ", " + std::to_string(threshold) + " must sign"};
  }
  opened.text_ = std::move(note.text);
  opened.bytes_ = std::string(bytes);
  return opened;
}

Result<VerifiedNote> open_note(std::string_view bytes, DocumentKind kind, const KeyRing& keys) {
  Result<SplitNote> note = split_note(bytes, kind);
  if (!note) return std::move(note).error();
  return open_split(*std::move(note), bytes, keys);
}

Result<VerifiedNote> open_bare_note(std::string_view bytes, const KeyRing& keys) {
  Result<SplitNote> note = split_bare_note(bytes);
  if (!note) return std::move(note).error();
  return open_split(*std::move(note), bytes, keys);
}

std::string format_signature_line(const VerifierKey& key, const Ed25519Signature& signature) {
  std::string blob = write_key_id(key.id());
  blob.append(signature.begin(), signature.end());
  std::string line(kDash);
  line += key.name();
  line += ' ';
  line += encode_base64(blob);
  line += '\n';
  return line;
}

}  // namespace hostspin
