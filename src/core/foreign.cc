#include "foreign.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "entry.h"
#include "markers.h"
#include "name_search.h"

namespace hostspin {
namespace {

constexpr std::size_t kNameBytesMax = 253;
constexpr std::size_t kOtherNamesMax = 8;
constexpr std::size_t kShownBytesMax = 64;
constexpr std::string_view kLocalhost = "localhost";

/// Escaped as quoted() does, without the quotes.
std::string displayed(std::string_view text) {
  const std::string shown = quoted(text, kShownBytesMax);
  return shown.substr(1, shown.size() - 2);
}

bool is_localhost(std::string_view word) {
  return word.size() == kLocalhost.size() && (word[0] == 'l' || word[0] == 'L') &&
         to_lower(word) == kLocalhost;
}

/// One line on its way: what it gives of ours, as one reader or another takes it.
class LineReader {
 public:
  LineReader(const ForeignPart& part, const NameIndex& names, const std::set<HostName>& own_names,
             ForeignFindings& findings)
      : part_(part), names_(names), own_names_(own_names), findings_(findings) {}

  /// A line without its LF. Says whether comment-out would take it out of effect.
  bool read(std::string_view line, std::size_t number) {
    number_ = number;
    first_conflict_ = findings_.conflicts.size();
    found_ = 0;
    needed_ = false;
    const bool ours = read_as_entry(line, /*some_readers=*/false);
    entry_conflicts_ = findings_.conflicts.size();
    const std::size_t found_in_entry = found_;
    if (may_split(line)) read_pieces(line);
    tail_conflicts_ = found_ > found_in_entry;
    if (found_ > 0) ++findings_.conflict_lines;
    return ours && !needed_;
  }

  /// Whether the line, which is commented out now, would be so again: it gives one of our names,
  /// and nothing that the machine needs.
  [[nodiscard]] bool stays_hidden(std::string_view line) const {
    const Entry entry = read_entry(line);
    bool conflict = false;
    bool needed = false;
    if (!entry.empty && may_be_address(entry.address))
      for_each_word(entry.names, [&](std::string_view word) {
        conflict = conflict || names_.find(without_dot(word)) != nullptr;
        needed = needed || is_needed(word);
      });
    return conflict && !needed;
  }

  /// Under comment-out: why the line is left in effect.
  void mark_needed() {
    if (!needed_) return;
    for (std::size_t i = first_conflict_; i < entry_conflicts_; ++i)
      findings_.conflicts[i].needed = true;
  }

  /// Not what some readers find further on in the line: to them that stays an entry.
  void mark_commented_out() {
    for (std::size_t i = first_conflict_; i < entry_conflicts_; ++i)
      findings_.conflicts[i].commented_out = true;
    if (!tail_conflicts_) ++findings_.hidden_lines;
  }

 private:
  static std::string_view without_dot(std::string_view word) {
    if (word.size() > 1 && word.back() == '.') word.remove_suffix(1);
    return word;
  }

  /// The machine must go on finding itself.
  [[nodiscard]] bool is_needed(std::string_view word) const {
    if (is_localhost(word)) return true;
    if (own_names_.empty()) return false;
    const std::string lower = to_lower(without_dot(word));
    return std::any_of(own_names_.begin(), own_names_.end(),
                       [&](const HostName& own) { return own.text() == lower; });
  }

  [[nodiscard]] static bool may_split(std::string_view line) {
    if (line.size() >= kReaderLineBytesMax) return true;
    const std::string_view inner = line.substr(0, line.empty() ? 0 : line.size() - 1);
    return inner.find('\r') != std::string_view::npos || inner.find('\0') != std::string_view::npos;
  }

  bool read_as_entry(std::string_view line, bool some_readers) {
    const Entry entry = read_entry(line);
    if (entry.empty) return false;
    bool ours = false;
    for_each_word(entry.names, [&](std::string_view word) {
      const NameIndex::Named* named = names_.find(without_dot(word));
      const bool needed = !some_readers && is_needed(word);
      if ((named == nullptr && !needed) || !may_be_address(entry.address)) return;
      if (needed) needed_ = true;
      if (named == nullptr) return;
      ours = true;
      add(entry, *named, some_readers || word.back() == '.');
    });
    return ours;
  }

  void add(const Entry& entry, const NameIndex::Named& named, bool some_readers) {
    ++found_;
    if (findings_.conflicts.size() >= kConflictsMax) return;
    Conflict conflict;
    conflict.line = number_;
    conflict.name = named.name;
    conflict.address = displayed(entry.address);
    for (std::size_t i = first_conflict_; i < findings_.conflicts.size(); ++i) {
      const Conflict& known = findings_.conflicts[i];
      if (known.name == conflict.name && known.address == conflict.address) return;  // said twice
    }
    const std::optional<IPAddress> address = read_address(entry.address);
    const bool is_v6 = entry.address.find(':') != std::string_view::npos;
    conflict.same_address = address && names_.gives(named, *address);
    conflict.other_family = !names_.gives_family(named, is_v6);
    conflict.before_block = part_.before_block;
    conflict.some_readers = some_readers;
    for_each_word(entry.names, [&](std::string_view word) {
      if (conflict.other_names.size() < kOtherNamesMax && names_.find(without_dot(word)) == nullptr)
        conflict.other_names.push_back(displayed(word));
    });
    findings_.conflicts.push_back(std::move(conflict));
  }

  /// What readers see that end a line at a CR or NUL (systemd-resolved), or after 511 bytes (musl);
  /// even a comment's tail is then an entry.
  void read_pieces(std::string_view line) {
    constexpr std::string_view kEnds("\r\0", 2);
    for (std::size_t at = line.find_first_of(kEnds); at != std::string_view::npos;) {
      const std::size_t next = line.find_first_of(kEnds, at + 1);
      (void)read_as_entry(line.substr(at + 1, next - at - 1), /*some_readers=*/true);
      at = next;
    }
    for (std::size_t at = kReaderLineBytesMax; at < line.size(); at += kReaderLineBytesMax)
      if (!is_blank(line[at]))  // musl skips an indented line
        (void)read_as_entry(line.substr(at, kReaderLineBytesMax), /*some_readers=*/true);
  }

  const ForeignPart& part_;
  const NameIndex& names_;
  const std::set<HostName>& own_names_;
  ForeignFindings& findings_;
  std::size_t number_ = 0;
  std::size_t first_conflict_ = 0;
  std::size_t entry_conflicts_ = 0;
  std::size_t found_ = 0;
  bool tail_conflicts_ = false;  ///< the line's tail, which some readers take for an entry, too
  bool needed_ = false;          ///< it gives localhost, or the machine's own name
};

/// The numbers of lines that are asked for in their order.
class LineCounter {
 public:
  explicit LineCounter(const ForeignPart& part) : bytes_(part.bytes), number_(part.first_line) {}

  std::size_t number_at(std::size_t offset) {
    number_ += count_lines(bytes_.substr(counted_, offset - counted_));
    counted_ = offset;
    return number_;
  }

 private:
  std::string_view bytes_;
  std::size_t number_;
  std::size_t counted_ = 0;
};

void note_long_lines(const ForeignPart& part, ForeignFindings& findings) {
  LineCounter counter(part);
  std::string_view rest = part.bytes;
  while (rest.size() >= kForeignLineBytesMax) {
    // As far as one step goes; a line that is longer than that has no end in it.
    std::size_t end = rest.substr(0, kForeignLineBytesMax).rfind('\n');
    if (end == std::string_view::npos) {
      findings.long_lines.push_back(counter.number_at(part.bytes.size() - rest.size()));
      end = std::min(rest.find('\n'), rest.size() - 1);
    }
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

NameIndex::NameIndex(const std::vector<Pin>& pins) : pins_(pins), next_(pins.size()) {
  by_name_.reserve(pins.size());
  std::vector<std::size_t> last;
  for (std::size_t i = 0; i < pins.size(); ++i) {
    const std::string_view name = pins[i].name.text();
    const auto [place, is_new] = by_name_.try_emplace(name, named_.size());
    next_[i] = i;
    if (is_new) {
      named_.push_back({name, i});
      last.push_back(i);
    } else {
      next_[std::exchange(last[place->second], i)] = i;
    }
  }
}

template <typename Condition>
bool NameIndex::any_pin(const Named& named, Condition condition) const {
  for (std::size_t i = named.first;; i = next_[i]) {
    if (condition(pins_[i])) return true;
    if (next_[i] == i) return false;
  }
}

bool NameIndex::gives(const Named& named, const IPAddress& address) const {
  return any_pin(named, [&](const Pin& pin) { return pin.address == address; });
}

bool NameIndex::gives_family(const Named& named, bool is_v6) const {
  return any_pin(named, [&](const Pin& pin) { return pin.address.is_v6() == is_v6; });
}

std::vector<std::string_view> NameIndex::names() const {
  std::vector<std::string_view> names;
  names.reserve(named_.size());
  for (const Named& named : named_) names.push_back(named.name);
  return names;
}

const NameIndex::Named* NameIndex::find(std::string_view word) const {
  if (word.empty() || word.size() > kNameBytesMax) return nullptr;
  std::array<char, kNameBytesMax> lower{};
  std::transform(word.begin(), word.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto found = by_name_.find(std::string_view(lower.data(), word.size()));
  return found == by_name_.end() ? nullptr : &named_[found->second];
}

std::string_view without_conflict_prefix(std::string_view line) {
  while (line.starts_with(kConflictPrefix)) line.remove_prefix(kConflictPrefix.size());
  return line;
}

std::optional<std::string_view> hidden_line(std::string_view line) {
  const std::string_view hidden = without_conflict_prefix(line);
  if (hidden.size() == line.size() || marker_kind(hidden)) return std::nullopt;
  return hidden;
}

void EditedPart::apply(const LineEdit& edit) {
  changed_ = true;
  if (is_full()) return;
  out_.gather(part_.substr(added_, edit.offset - added_));
  added_ = edit.offset;
  if (edit.comment)
    out_.gather(kConflictPrefix);
  else
    added_ += edit.taken_away;
}

void EditedPart::finish() {
  if (!is_full()) out_.add(part_.substr(added_));
}

void scan_foreign(const ForeignPart& part, const NameIndex& names, ConflictPolicy policy,
                  const std::set<HostName>& own_names, ForeignFindings& findings,
                  EditedPart* edited) {
  note_long_lines(part, findings);
  std::vector<std::string_view> wanted = names.names();
  if (policy == ConflictPolicy::comment_out) wanted.push_back(kConflictPrefix);
  const NameSearch search(wanted);
  LineReader reader(part, names, own_names, findings);
  LineCounter counter(part);
  for (std::size_t at = search.find(part.bytes, 0); at != std::string_view::npos;) {
    const std::size_t end = std::min(part.bytes.find('\n', at), part.bytes.size());
    // A place that only looks like a name may even be a line's end.
    const std::size_t offset = part.bytes.substr(0, at).rfind('\n') + 1;  // npos + 1 is 0
    const std::string_view line = part.bytes.substr(offset, end - offset);
    const std::size_t number = counter.number_at(offset);
    const bool may_comment_out = reader.read(line, number);
    if (policy == ConflictPolicy::comment_out) {
      if (may_comment_out && kConflictPrefix.size() + line.size() + 1 <= kReaderLineBytesMax) {
        if (edited != nullptr) edited->apply({offset, /*comment=*/true, 0});
        reader.mark_commented_out();
      } else if (const std::optional<std::string_view> hidden = hidden_line(line);
                 hidden && !reader.stays_hidden(*hidden)) {
        if (edited != nullptr)
          edited->apply({offset, /*comment=*/false, line.size() - hidden->size()});
        findings.note_restored(number);
      } else {
        reader.mark_needed();
      }
    }
    at = search.find(part.bytes, end + 1);
  }
}

std::vector<Conflict> find_conflicts(const HostsFile& file, const std::vector<Pin>& pins) {
  const NameIndex names(pins);
  ForeignFindings findings;
  scan_foreign({file.before, 1, true}, names, ConflictPolicy::report, {}, findings, nullptr);
  const std::size_t next = file.block ? file.block->last_line + 1 : count_lines(file.before) + 1;
  scan_foreign({file.after, next, false}, names, ConflictPolicy::report, {}, findings, nullptr);
  return std::move(findings.conflicts);
}

std::string describe_conflict(const Conflict& conflict) {
  std::string text =
      "line " + std::to_string(conflict.line) + " gives " + conflict.name + " " + conflict.address;
  if (conflict.commented_out) {
    text += "; commented out, so the block alone counts";
    for (const std::string& name : conflict.other_names)
      text += (&name == &conflict.other_names.front() ? "; it hides " : ", ") + name;
    if (!conflict.other_names.empty()) text += " too";
    return text;
  }
  if (conflict.same_address) return text + ", as the block does: harmless";
  if (conflict.some_readers)
    return text +
           " to readers that end lines at a CR, a NUL or after 511 bytes, or drop a trailing dot "
           "(musl, systemd-resolved): they use it besides the block's";
  text +=
      conflict.before_block
          ? " before the block: it wins in glibc without 'multi on'; with 'multi on', and in "
            "musl, Go and systemd-resolved, both are used, it first"
          : ": the block wins in glibc without 'multi on'; with 'multi on', and in musl, Go and "
            "systemd-resolved, both are used, the block's first";
  if (conflict.other_family) text += "; a question for its address family alone gets only it";
  if (conflict.needed)
    text += "; not commented out, since it also gives localhost or this machine's own name";
  return text;
}

}  // namespace hostspin
