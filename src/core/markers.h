#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/hosts_file.h"
#include "hostspin/result.h"

namespace hostspin {

inline constexpr std::string_view kBeginText = "# BEGIN hostspin";
inline constexpr std::string_view kEndText = "# END hostspin";
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

enum class MarkerKind { begin, end };

/// A marker line by its place in the file.
struct Marker {
  MarkerKind kind = MarkerKind::begin;
  std::size_t offset = 0;  ///< of its first byte
  std::size_t size = 0;    ///< its LF included, where it has one
  std::size_t line = 0;    ///< 1-based
  /// A byte order mark stands before it, so that it is no marker to us, though it was meant as one.
  bool behind_byte_order_mark = false;
};

/// Which marker a line without its LF is, if any: a whole line but for a trailing CR or blanks.
[[nodiscard]] std::optional<MarkerKind> marker_kind(std::string_view line);

/// Every marker line, in order, and a first line that would be one but for its byte order mark.
[[nodiscard]] std::vector<Marker> find_markers(std::string_view bytes);

/// The block's place in a file with sound markers.
struct BlockPlace {
  bool present = false;
  Marker begin;
  Marker end;

  /// Foreign bytes before and after the block; without one, all are after it.
  [[nodiscard]] std::string_view before(std::string_view bytes) const {
    return present ? bytes.substr(0, begin.offset) : std::string_view();
  }
  [[nodiscard]] std::string_view block(std::string_view bytes) const {
    return present ? bytes.substr(begin.offset, end.offset + end.size - begin.offset)
                   : std::string_view();
  }
  [[nodiscard]] std::string_view after(std::string_view bytes) const {
    return present ? bytes.substr(end.offset + end.size) : bytes;
  }
};

/// Errc::damaged_markers, naming the lines, unless there is no marker, or one BEGIN before one END.
Result<BlockPlace> locate_block(std::string_view bytes);

/// The block at its place, taken apart; nothing where there is none.
[[nodiscard]] std::optional<FoundBlock> read_block(const BlockPlace& place, std::string_view bytes);

/// What parse_hosts() says of the block, without a copy of the foreign bytes.
Result<std::optional<FoundBlock>> find_block(std::string_view bytes);

/// How many LFs.
[[nodiscard]] std::size_t count_lines(std::string_view bytes);

/// What a BEGIN line, LF included or not, says.
[[nodiscard]] BlockHeader parse_header(std::string_view line);

/// The block without its header's first root field.
[[nodiscard]] std::string without_root(std::string_view block);

/// The pins of the lines between the markers of `block`, and how many lines are none.
void read_block_lines(std::string_view block, std::vector<Pin>& pins, std::size_t& foreign_lines);

}  // namespace hostspin
