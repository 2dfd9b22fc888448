#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/host_name.h"
#include "hostspin/ip.h"
#include "hostspin/manifest.h"
#include "hostspin/pieces.h"
#include "hostspin/result.h"

namespace hostspin {

inline constexpr std::size_t kBlockBytesMax = 65536;
/// Of a hosts file, as it is and as it would be: larger ones are refused by name, and untouched. Both
/// are in memory at most once, and the units have MemoryMax= for that.
inline constexpr std::size_t kHostsBytesMax = 64U << 20U;
inline constexpr std::size_t kBlockLineBytesMax = 400;

/// What the BEGIN line says. Fields that are absent or malformed are empty; unknown ones are
/// ignored.
struct BlockHeader {
  std::string fleet;
  std::optional<std::int64_t> epoch;
  std::optional<std::int64_t> version;
  std::string sha256;  ///< first 16 hex digits of the signed text's SHA-256
  /// Version of the trust root under which the block was written; older blocks have none.
  std::optional<std::int64_t> root = std::nullopt;
};

/// One address and one name, as a reader of the file would take them.
struct Pin {
  IPAddress address;
  HostName name;
  auto operator<=>(const Pin&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// A managed block found in a file.
struct FoundBlock {
  BlockHeader header;
  std::size_t first_line = 0;  ///< 1-based line of BEGIN
  std::size_t last_line = 0;   ///< 1-based line of END
  std::string bytes;           ///< from BEGIN to the LF after END
  std::vector<Pin> pins;       ///< lines that parse, in order
  /// Lines inside the block that are neither pins, blank nor comments.
  std::size_t foreign_lines = 0;
};

/// A hosts file taken apart: foreign bytes before and after at most one block. No byte is lost:
/// `before + block.bytes + after` is the file.
struct HostsFile {
  std::string before;
  std::optional<FoundBlock> block;
  std::string after;

  [[nodiscard]] std::string bytes() const;
};

/// Finds the block. Markers are whole lines apart from trailing blanks or CR: neither present is no
/// block; one BEGIN then one END is a block; anything else is Errc::damaged_markers, naming the
/// lines.
Result<HostsFile> parse_hosts(std::string_view bytes);

/// The block for a manifest under the trust root of `root_version`, byte for byte as hostspin writes
/// it, LF at the end. Lines of `own_names` (the host's own) are left out. Errc::block_too_large above kBlockLinesMax lines or
/// kBlockBytesMax.
Result<std::string> render_block(const AdmittedManifest& manifest, std::int64_t root_version,
                                 const std::set<HostName>& own_names);

/// The same from its parts; render_block() is this with what an admitted manifest says.
Result<std::string> render_block_lines(const BlockHeader& header, const std::vector<Pin>& pins);

/// The pins the manifest asks for, in the block's order.
[[nodiscard]] std::vector<Pin> wanted_pins(const Manifest& manifest,
                                           const std::set<HostName>& own_names);

/// A foreign line that gives one of our names. Glibc with `multi on` merges its address with ours;
/// otherwise the first line wins.
struct Conflict {
  std::size_t line = 0;       ///< 1-based, in the file as it is
  std::string name;           ///< our name, lower case
  std::string address;        ///< as written, escaped for display
  bool same_address = false;  ///< one that we give too: harmless, and reported as such
  bool other_family = false;  ///< we give none of its family: a question for that alone gets it
  bool before_block = false;  ///< it stands where it would win
  /// Only readers that end lines at a CR, a NUL or after 511 bytes, or drop a trailing dot, take it
  /// so.
  bool some_readers = false;
  bool commented_out = false;  ///< a plan's comment-out takes the line out of effect
  /// Names on the line that are not ours, which commenting it out hides too; escaped, at most 8.
  std::vector<std::string> other_names = {};
  /// comment_out leaves the line in effect, since it also gives `localhost` or this machine's own
  /// name.
  bool needed = false;
};
inline constexpr std::size_t kConflictsMax = 1000;
inline constexpr std::string_view kConflictPrefix = "#hostspin-conflict# ";
/// What musl reads as one line, its LF included; a line that comment-out would make longer is left
/// alone.
inline constexpr std::size_t kReaderLineBytesMax = 511;

/// One line for people: what the line gives, and which address wins for which readers.
[[nodiscard]] std::string describe_conflict(const Conflict& conflict);

/// Foreign lines (before and after the block) that give a name of `pins`, any case, any family;
/// commented-out lines are none. Lines are numbered as in `file`. At most kConflictsMax.
[[nodiscard]] std::vector<Conflict> find_conflicts(const HostsFile& file,
                                                   const std::vector<Pin>& pins);

/// How a present block differs from the wanted one.
enum class Drift {
  none,     ///< byte for byte, but perhaps for the trust root that the header names
  layout,   ///< same meaning: blanks, order, comments
  content,  ///< other names or addresses
  header,   ///< right lines, but the header names another manifest
  missing,  ///< no block
};
[[nodiscard]] std::string_view drift_name(Drift drift);
[[nodiscard]] Drift compare_block(const std::optional<FoundBlock>& block,
                                  std::string_view wanted_block, const std::vector<Pin>& pins);

/// What to do with conflicting foreign lines.
enum class ConflictPolicy { report, comment_out };

/// A change worked out in full before anything is written.
struct Plan {
  bool changes = false;  ///< `after` differs from the file
  /// All that differs is the header's trust root: the file is right, and yet is written once, since
  /// a lost state is judged by it.
  bool only_root_changes = false;
  Drift drift = Drift::none;
  /// The whole new file; views of the file that was given. Larger than kHostsBytesMax it need not be
  /// whole.
  Pieces after;
  std::vector<Conflict> conflicts;  ///< at most kConflictsMax
  std::size_t conflict_lines = 0;   ///< all of them, listed or not
  std::size_t hidden_lines = 0;     ///< those of them that are commented out once it is written
  /// Lines that an earlier comment-out hid and that give none of our names any more (policy
  /// comment_out), or any at all (remove): put back. 1-based, in the file as it is.
  /// At most kConflictsMax.
  std::vector<std::size_t> restored_lines;
  std::size_t restored_count = 0;  ///< all of them, listed or not
  /// 1-based lines above 64 KiB, which blind some readers to the rest of the file.
  std::vector<std::size_t> foreign_long_lines;
  bool added_final_newline = false;
  bool no_localhost = false;  ///< no foreign line gives `localhost`: a truncation may be under way
  bool layout_kept = false;   ///< the block differs in layout only
  bool byte_order_mark = false;  ///< the foreign part starts with one: no reader sees that line
  /// Whether the file says already what it should.
  [[nodiscard]] bool is_right() const { return !changes || only_root_changes; }
};

/// The file with `wanted_block` at its top (before a byte order mark, which stays with its line),
/// or in place of the present one; every foreign byte kept, and a missing final LF added. A layout
/// drift is rewritten like any other. comment_out leaves a conflicting line alone where it also
/// gives `localhost` or one of `own_names` (the machine must go on resolving itself), or would pass
/// kReaderLineBytesMax, and puts a line back once it gives none of our names, or is needed after
/// all. Planning for the file that a plan makes changes nothing.
Result<Plan> plan_apply(std::string_view bytes, std::string_view wanted_block,
                        const std::vector<Pin>& pins, ConflictPolicy policy,
                        const std::set<HostName>& own_names = {});

/// The file without the block, lines that comment-out had prefixed restored exactly; no other byte
/// changes.
Result<Plan> plan_remove(std::string_view bytes);

/// A file whose markers are damaged, with every marker line and what provably is ours taken out:
/// what a BEGIN and the END next to it enclose if it is one address and one name, and beside a
/// marker without its partner the lines that are exactly as we write them and among `known_pins`.
/// All else stays. `explanation` says line by line what would go, and which lines stay though they
/// may be ours. A file with sound markers is left as it is, and nothing is explained.
struct RepairPlan {
  std::string after;
  std::vector<std::string> explanation;
};
[[nodiscard]] RepairPlan plan_repair(std::string_view bytes,
                                     const std::vector<Pin>& known_pins = {});

/// Whether a line outside any block gives `localhost`. Where none does, another writer's truncation
/// may be under way.
[[nodiscard]] bool gives_localhost(std::string_view bytes);

/// Whether `left`, a temporary file that a killed run left behind, holds a foreign line that
/// `target` lacks: then it is another writer's edit that must not be thrown away.
[[nodiscard]] bool holds_lost_lines(std::string_view left, std::string_view target);

/// Two edits of `base` put together, or nothing where they touch the same lines. Appends to the end
/// of the file always merge, `mine` first.
[[nodiscard]] std::optional<std::string> merge_edits(std::string_view base, std::string_view mine,
                                                     std::string_view theirs);

/// Unified diff (three lines of context) of two texts, foreign bytes escaped for display.
[[nodiscard]] std::string unified_diff(std::string_view before, std::string_view after,
                                       std::string_view before_label, std::string_view after_label);

/// The file made where there is none.
inline constexpr std::string_view kNewHostsFile = "127.0.0.1\tlocalhost\n::1\tlocalhost\n";

}  // namespace hostspin
