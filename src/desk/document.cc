#include "document.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "desk_files.h"
#include "foreign_form.h"
#include "note_text.h"
#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr std::string_view kSignatureStart = "\xe2\x80\x94 ";

Result<DocumentKind> kind_of(std::string_view bytes, const std::string& path) {
  std::string_view first = bytes.substr(0, std::min(bytes.find('\n'), bytes.size()));
  if (first.ends_with('\r')) first.remove_suffix(1);  // what is wrong then is said of the bytes
  for (const DocumentKind kind : {DocumentKind::manifest, DocumentKind::root}) {
    if (first == format_line(kind)) return kind;
  }
  if (const std::optional<ForeignForm> form = foreign_form(bytes); form) {
    return {Errc::bad_note,
            shown_path(path) + " " + std::string(form->what) + ", neither a manifest nor a root",
            std::string(form->of_import.empty() ? form->of_note : form->of_import)};
  }
  return {
      Errc::bad_note,
      shown_path(path) + " is neither a manifest nor a root: it begins with " + quoted(first, 60),
      "the first line must be exactly  " + std::string(format_line(DocumentKind::manifest)) +
          "  or  " + std::string(format_line(DocumentKind::root))};
}

/// What to do about a text whose bytes break the profile, by its most likely cause.
std::string byte_hint(std::string_view text, DocumentKind kind, const std::string& path) {
  if (text.size() > note_bytes_max(kind)) {
    return "pin less: only what must resolve when DNS is gone belongs into a manifest";
  }
  if (text.find('\r') != std::string_view::npos) {
    return "it has DOS line ends; take them out: sed -i 's/\\r$//' " + quoted(path);
  }
  if (text.find('\t') != std::string_view::npos) return "put blanks where it has tabs";
  if (!text.empty() && text.back() != '\n') {
    return "end its last line: echo >> " + quoted(path);
  }
  return "write names and descriptions in plain ASCII";
}

std::optional<Ed25519Signature> signature_of(const SignatureLine& line) {
  Ed25519Signature signature{};
  if (line.signature.size() != signature.size()) return std::nullopt;
  std::copy(line.signature.begin(), line.signature.end(), signature.begin());
  return signature;
}

bool is_line_of(const SignatureLine& line, const VerifierKey& key) {
  return !key.is_opaque() && line.name == key.name() && line.id == key.id();
}

bool verifies(const Document& document, const SignatureLine& line, const VerifierKey& key) {
  const auto signature = signature_of(line);
  return signature && verify_ed25519(key.public_key(), document.text, *signature);
}

const SignatureLine* line_of(const Document& document, const VerifierKey& key) {
  const auto found = std::find_if(document.signatures.begin(), document.signatures.end(),
                                  [&](const auto& line) { return is_line_of(line, key); });
  return found == document.signatures.end() ? nullptr : &*found;
}

}  // namespace

std::string_view kind_name(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::manifest:
      return "manifest";
    case DocumentKind::root:
      return "root";
  }
  return "";
}

bool has_signatures(std::string_view bytes) {
  const std::size_t gap = bytes.rfind("\n\n");
  return gap != std::string_view::npos && bytes.substr(gap + 2).starts_with(kSignatureStart);
}

Result<Document> parse_document(std::string bytes, const std::string& path) {
  const Result<DocumentKind> kind = kind_of(bytes, path);
  if (!kind) return kind.error();
  Document document;
  document.path = path;
  document.kind = *kind;
  document.bytes = std::move(bytes);
  if (!has_signatures(document.bytes)) {
    Result<void> good = check_document_text(document.bytes, *kind);
    if (!good) {
      Error error = annotate(std::move(good).error(), shown_path(path));
      error.hint = byte_hint(document.bytes, *kind, path);
      return error;
    }
    document.text = document.bytes;
    return document;
  }
  Result<SplitNote> split = split_note(document.bytes, *kind);
  if (!split) {
    Error error = annotate(std::move(split).error(), shown_path(path));
    if (error.hint.empty()) {
      error.hint =
          "start again from the text: delete its signature lines, or take it from where it "
          "was signed";
    }
    return error;
  }
  document.text = std::move(split->text);
  document.signatures = std::move(split->signatures);
  return document;
}

Result<Document> load_document(const std::string& path) {
  Result<std::string> bytes = read_document(path, kManifestNoteBytesMax);
  if (!bytes) return std::move(bytes).error();
  return parse_document(*std::move(bytes), path);
}

bool is_signed_by(const Document& document, const VerifierKey& key) {
  const SignatureLine* line = line_of(document, key);
  return line != nullptr && verifies(document, *line, key);
}

Result<Appended> append_signature(Document& document, const VerifierKey& key,
                                  const Ed25519Signature& signature) {
  if (!verify_ed25519(key.public_key(), document.text, signature)) {
    return {
        Errc::bad_signature, "the signature does not verify under " + quoted(key.name()),
        "the text or the key is another one than was signed with: compare both; it must be plain "
        "Ed25519 over the bytes that 'hostspin-sign text' prints"};
  }
  if (const SignatureLine* line = line_of(document, key)) {
    if (verifies(document, *line, key)) return Appended::present;
    return {Errc::bad_signature,
            shown_path(document.path) + " was changed after " + quoted(key.name()) + " signed it",
            "'hostspin-sign bump' takes the old signatures off and raises the version"};
  }
  if (document.signatures.size() >= kSignatureLinesMax) {
    return {Errc::bad_note, "a note holds at most 32 signature lines", "start from the bare text"};
  }
  std::string bytes = document.is_draft() ? document.text + "\n" : document.bytes;
  bytes += format_signature_line(key, signature);
  Result<Document> next =
      parse_document(std::move(bytes), document.path);  // its size may be too much
  if (!next) return std::move(next).error();
  document = *std::move(next);
  return Appended::added;
}

Result<void> merge_signatures(Document& document, const Document& other) {
  const auto has = [&](const SignatureLine& line) {
    return std::any_of(document.signatures.begin(), document.signatures.end(),
                       [&](const auto& own) { return own.name == line.name && own.id == line.id; });
  };
  // One line of the block for each of `signatures`, in order: split_note() read them so.
  const std::vector<std::string_view> lines =
      lines_of(std::string_view(other.bytes).substr(other.text.size() + 1));
  std::string bytes = document.is_draft() ? document.text + "\n" : document.bytes;
  bool added = false;
  for (std::size_t at = 0; at < other.signatures.size(); ++at) {
    if (has(other.signatures[at])) continue;
    bytes += std::string(lines.at(at)) + "\n";
    added = true;
  }
  if (!added) return {};
  Result<Document> next = parse_document(std::move(bytes), document.path);
  if (!next) return std::move(next).error();
  document = *std::move(next);
  return {};
}

std::vector<std::string> bad_lines(const Document& document, const KeyRing& ring) {
  std::vector<std::string> names;
  for (const VerifierKey& key : ring.keys) {
    const SignatureLine* line = line_of(document, key);
    if (line != nullptr && !verifies(document, *line, key)) names.push_back(key.name());
  }
  return names;
}

std::string Tally::describe() const {
  std::string text = std::to_string(signed_by.size()) + " of " +
                     count_of(static_cast<std::size_t>(threshold), "signature");
  if (!signed_by.empty()) text += " (" + join(signed_by, ", ") + ")";
  if (!met()) {
    text += "; needed: " + std::to_string(static_cast<std::size_t>(threshold) - signed_by.size()) +
            " more of " + join(missing, ", ");
  }
  return text;
}

Tally tally(const Document& document, const KeyRing& ring) {
  Tally result;
  result.threshold = ring.threshold;
  std::set<Ed25519PublicKey> counted;
  for (const VerifierKey& key : ring.keys) {
    if (key.is_opaque()) continue;
    if (!is_signed_by(document, key)) {
      result.missing.push_back(key.name());
    } else if (counted.insert(key.public_key()).second) {
      result.signed_by.push_back(key.name());
    }
  }
  return result;
}

}  // namespace hostspin::desk
