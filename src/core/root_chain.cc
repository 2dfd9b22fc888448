#include <algorithm>
#include <map>

#include "hostspin/root.h"
#include "note_split.h"

namespace hostspin {
namespace {

std::string note_name(std::int64_t version) { return "root/" + std::to_string(version) + ".note"; }

using StoredNotes = std::map<std::int64_t, std::string>;

/// The roots below `baked`, newest first, each a predecessor by U3 of the one before it. That alone
/// would prove nothing: whoever can write the state directory can make a predecessor whose only
/// keys are public ones of the baked root's signers and his own. So a stored one counts only if the
/// threshold of its successor's root keys has signed it too, checked before it is parsed. A
/// rotation that left no such overlap ends the walk; what is trusted is not touched by that.
std::vector<TrustRoot> walk_down(const TrustRoot& baked, const StoredNotes& stored,
                                 std::string& stopped) {
  std::vector<TrustRoot> below;
  below.reserve(stored.size());  // `successor` points into it
  const TrustRoot* successor = &baked;
  for (std::int64_t version = baked.version() - 1;; --version) {
    const auto note = stored.find(version);
    if (note == stored.end()) return below;  // a newer image skips versions: nothing to report
    Result<VerifiedNote> vouched =
        open_note(note->second, DocumentKind::root, successor->document().root_keys);
    if (!vouched) {
      if (vouched.error().code == Errc::too_few_signatures)
        return below;  // a whole new set of keys
      stopped =
          note_name(version) + ": by the keys of the root above it: " + vouched.error().detail;
      return below;
    }
    Result<TrustRoot> root = open_baked_root(note->second);
    if (root && root->version() != version) {
      root = Error{Errc::bad_root, "it is version " + std::to_string(root->version())};
    }
    if (root) {
      if (Result<TrustRoot> next = open_next_root(*root, successor->note_bytes()); !next) {
        root = annotate(std::move(next).error(), "its successor does not follow");
      }
    }
    if (!root) {
      stopped = note_name(version) + ": " + root.error().detail;
      return below;
    }
    below.push_back(*std::move(root));
    successor = &below.back();
  }
}

/// Adds the stored roots above the chain's last one; why it ended early, empty if it did not.
std::string walk_up(std::vector<TrustRoot>& roots, const StoredNotes& stored) {
  for (;;) {
    const std::int64_t version = roots.back().version() + 1;
    const auto note = stored.lower_bound(version);
    if (note == stored.end()) return {};
    if (note->first != version) return note_name(version) + ": missing, newer ones are ignored";
    Result<TrustRoot> root = open_next_root(roots.back(), note->second);
    if (!root) return note_name(version) + ": " + root.error().detail;
    roots.push_back(*std::move(root));
  }
}

}  // namespace

Result<TrustRoot> open_baked_root(std::string_view bytes) {
  Result<SplitNote> split = split_note(bytes, DocumentKind::root);
  if (!split) return std::move(split).error();
  // The one text that is parsed before a signature is checked: it is trusted by where it stands,
  // and the keys to check it with are inside.
  Result<RootDocument> document = parse_root_text(split->text, UnknownKeys::ignore);
  if (!document) return std::move(document).error();
  Result<VerifiedNote> own = open_split(*std::move(split), bytes, document->root_keys);
  if (!own) return annotate(std::move(own).error(), "by the root's own keys");

  TrustRoot root;
  root.document_ = *std::move(document);
  root.bytes_ = bytes;
  return root;
}

Result<TrustRoot> open_next_root(const TrustRoot& current, std::string_view bytes) {
  Result<SplitNote> split = split_note(bytes, DocumentKind::root);
  if (!split) return std::move(split).error();
  const RootDocument& before = current.document();

  // TUF 1.0 section 5.3.4: the trusted threshold first, over bytes that nobody has parsed.
  Result<VerifiedNote> by_old = open_split(*split, bytes, before.root_keys);
  if (!by_old) {
    return annotate(std::move(by_old).error(),
                    "by the keys of the trusted root " + std::to_string(before.version));
  }
  Result<RootDocument> after = parse_root_text(by_old->text(), UnknownKeys::ignore);
  if (!after) return std::move(after).error();
  Result<VerifiedNote> by_new = open_split(*std::move(split), bytes, after->root_keys);
  if (!by_new) return annotate(std::move(by_new).error(), "by the new root's own keys");
  if (Result<void> follows = check_succession(before, *after); !follows) {
    return std::move(follows).error();
  }

  TrustRoot root;
  root.document_ = *std::move(after);
  root.bytes_ = bytes;
  return root;
}

std::optional<Error> find_equivocation(const RootChain& chain, std::int64_t version,
                                       std::string_view bytes) {
  const auto known = std::find_if(chain.roots.begin(), chain.roots.end(),
                                  [&](const TrustRoot& root) { return root.version() == version; });
  if (known == chain.roots.begin() || known == chain.roots.end()) return std::nullopt;
  if (known->note_bytes() == bytes) return std::nullopt;
  const Result<TrustRoot> offered = open_next_root(*(known - 1), bytes);
  if (!offered || offered->text() == known->text()) return std::nullopt;
  return Error{Errc::equivocation,
               "another valid root of this version is trusted here: two texts were signed"};
}

RootChain replay_roots(TrustRoot baked, std::vector<std::pair<std::int64_t, std::string>> stored) {
  StoredNotes notes;
  for (std::pair<std::int64_t, std::string>& note : stored) notes.insert(std::move(note));

  RootChain chain;
  std::string stopped_below;
  chain.roots = walk_down(baked, notes, stopped_below);
  std::reverse(chain.roots.begin(), chain.roots.end());
  chain.roots.push_back(std::move(baked));
  chain.stopped = walk_up(chain.roots, notes);
  if (chain.stopped.empty()) chain.stopped = std::move(stopped_below);
  return chain;
}

}  // namespace hostspin
