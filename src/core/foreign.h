#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hostspin/hosts_file.h"

namespace hostspin {

/// Our names, for looking words of foreign lines up. The pins must outlive it.
class NameIndex {
 public:
  explicit NameIndex(const std::vector<Pin>& pins);

  struct Named {
    std::string_view name;
    std::size_t first = 0;  ///< its first pin
  };
  /// By a word in any case; null if it is none of our names.
  [[nodiscard]] const Named* find(std::string_view word) const;

  [[nodiscard]] std::vector<std::string_view> names() const;

  [[nodiscard]] bool gives(const Named& named, const IPAddress& address) const;
  [[nodiscard]] bool gives_family(const Named& named, bool is_v6) const;

 private:
  /// Whether a pin of the name fulfils the condition.
  template <typename Condition>
  bool any_pin(const Named& named, Condition condition) const;

  const std::vector<Pin>& pins_;
  std::vector<std::size_t> next_;  ///< the next pin of the same name, or itself at the end
  std::vector<Named> named_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

/// A change to one foreign line: where it starts in the scanned part, and what happens to it.
struct LineEdit {
  std::size_t offset = 0;
  bool comment = false;        ///< the prefix is put before it
  std::size_t taken_away = 0;  ///< otherwise: the bytes of the prefix that it has
};

/// A part of the file with its edits done, one after the other: a file may be nothing but lines
/// that are edited, so that none is remembered.
class EditedPart {
 public:
  EditedPart(std::string_view part, Pieces& out) : part_(part), out_(out) {}

  /// In the order of their offsets. Once the new file is larger than kHostsBytesMax nothing more is
  /// added: that is refused.
  void apply(const LineEdit& edit);
  /// Adds what comes after the last one.
  void finish();
  [[nodiscard]] bool changed() const { return changed_; }

 private:
  [[nodiscard]] bool is_full() const { return out_.size() > kHostsBytesMax; }

  std::string_view part_;
  Pieces& out_;
  std::size_t added_ = 0;
  bool changed_ = false;
};

/// What a pass over foreign lines gathers.
struct ForeignFindings {
  std::vector<Conflict> conflicts;
  std::size_t conflict_lines = 0;
  std::size_t hidden_lines = 0;  ///< those of them that comment-out takes out of effect
  std::vector<std::size_t> long_lines;
  std::vector<std::size_t> restored_lines;  ///< at most kConflictsMax
  std::size_t restored_count = 0;           ///< all of them, listed or not

  void note_restored(std::size_t line) {
    if (restored_lines.size() < kConflictsMax) restored_lines.push_back(line);
    ++restored_count;
  }
};

/// Above this (its LF included) Go and CoreDNS stop reading.
inline constexpr std::size_t kForeignLineBytesMax = 65536;

/// Where a part of the file stands.
struct ForeignPart {
  std::string_view bytes;
  std::size_t first_line = 1;
  bool before_block = false;
};

/// `line` without comment-out's prefix, however often somebody has doubled it: to take away a layer
/// a run would change the file on every run.
[[nodiscard]] std::string_view without_conflict_prefix(std::string_view line);

/// The foreign line that comment-out had hidden in `line` (both without their LF), if it had. A
/// marker is never hidden, so the prefix before one is not ours.
[[nodiscard]] std::optional<std::string_view> hidden_line(std::string_view line);

/// Reads the lines of one part into `findings`, and changes those that `policy` changes in
/// `edited`, which may be null; none that gives `localhost` or one of `own_names` is hidden.
void scan_foreign(const ForeignPart& part, const NameIndex& names, ConflictPolicy policy,
                  const std::set<HostName>& own_names, ForeignFindings& findings,
                  EditedPart* edited);

}  // namespace hostspin
