#include "pending.h"

#include <array>
#include <string_view>

#include "desk_files.h"

namespace hostspin::desk {
namespace {

inline constexpr std::string_view kPendingEnd = ".pending.note";
inline constexpr std::array<std::string_view, 2> kDocumentEnds{".toml", ".note"};

/// `path` without what says which kind of file it is.
std::string stem_of(const std::string& path) {
  std::string stem = path;
  if (is_pending_path(path)) {
    stem.resize(stem.size() - kPendingEnd.size());
    return stem;
  }
  for (const std::string_view end : kDocumentEnds) {
    const std::size_t slash = path.rfind('/');
    const std::size_t name_bytes = path.size() - (slash == std::string::npos ? 0 : slash + 1);
    if (!path.ends_with(end) || name_bytes <= end.size()) continue;
    stem.resize(stem.size() - end.size());
    return stem;
  }
  return stem;
}

Error differ(const std::string& pending, const std::string& draft) {
  return {
      Errc::bad_note,
      "the text in " + quoted(pending) + " differs from the draft " + quoted(draft) + " beside it",
      "'hostspin-sign diff " + draft + " " + pending + "' shows how; if the draft is right, " +
          "delete the pending note and sign the draft"};
}

/// The draft that lies beside a pending note must be what others have signed.
Result<void> check_draft_beside(const Document& document) {
  const std::string stem = stem_of(document.path);
  for (const std::string& path : {stem + ".toml", stem + ".note", stem}) {
    if (!exists(path) || is_directory(path)) continue;
    const Result<std::string> bytes = read_document(path, kManifestNoteBytesMax);
    if (!bytes) return bytes.error();
    if (!has_signatures(*bytes) && *bytes != document.text) return differ(document.path, path);
  }
  return {};
}

}  // namespace

bool is_pending_path(const std::string& path) {
  return path.ends_with(kPendingEnd) && path.size() > kPendingEnd.size() &&
         path[path.size() - kPendingEnd.size() - 1] != '/';
}

std::string pending_path(const std::string& path) {
  return is_pending_path(path) ? path : stem_of(path) + std::string(kPendingEnd);
}

std::string completed_path(const std::string& path) {
  return is_pending_path(path) ? stem_of(path) + ".note" : path;
}

std::string draft_of(const std::string& path) {
  if (!is_pending_path(path)) return path;
  const std::string stem = stem_of(path);
  const bool is_bare = !exists(stem + ".toml") && exists(stem) && !is_directory(stem);
  return is_bare ? stem : stem + ".toml";
}

Result<bool> join_pending(Document& document) {
  if (document.path == "-") return false;
  if (is_pending_path(document.path)) {
    Result<void> same = check_draft_beside(document);
    if (!same) return std::move(same).error();
    return false;
  }
  const std::string path = pending_path(document.path);
  if (!exists(path)) return false;
  const Result<Document> pending = load_document(path);
  if (!pending) return pending.error();
  if (pending->text != document.text) return differ(path, document.path);
  const std::size_t before = document.signatures.size();
  Result<void> merged = merge_signatures(document, *pending);
  if (!merged) return std::move(merged).error();
  return document.signatures.size() > before;
}

std::string outdated_pending(const std::string& path, const std::string& text) {
  if (path == "-" || is_pending_path(path)) return {};
  const std::string pending = pending_path(path);
  if (!exists(pending)) return {};
  const Result<Document> document = load_document(pending);
  return document && document->text == text ? std::string() : pending;
}

}  // namespace hostspin::desk
