#include "markers.h"

#include <algorithm>
#include <string>

namespace hostspin {
namespace {

constexpr std::size_t kShownMarkersMax = 8;

/// Trailing CR and blanks do not count: editors and CRLF conversions add them.
std::string_view trim_right(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r'))
    line.remove_suffix(1);
  return line;
}

std::string list_markers(const std::vector<Marker>& markers) {
  std::string text;
  std::size_t shown = 0;
  for (const Marker& marker : markers) {
    if (shown > 0) text += ", ";
    if (shown++ == kShownMarkersMax) {
      text += std::to_string(markers.size() - kShownMarkersMax) + " more";
      break;
    }
    text += marker.kind == MarkerKind::begin ? "BEGIN at line " : "END at line ";
    text += std::to_string(marker.line);
    if (marker.behind_byte_order_mark) text += " (behind a byte order mark)";
  }
  return text;
}

}  // namespace

std::size_t count_lines(std::string_view bytes) {
  return static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
}

std::optional<MarkerKind> marker_kind(std::string_view line) {
  line = trim_right(line);
  if (line == kEndText) return MarkerKind::end;
  if (!line.starts_with(kBeginText)) return std::nullopt;
  const char next = line.size() == kBeginText.size() ? ' ' : line[kBeginText.size()];
  if (next == ' ' || next == '\t') return MarkerKind::begin;
  return std::nullopt;
}

std::vector<Marker> find_markers(std::string_view bytes) {
  constexpr std::string_view kStart = "# ";  // of both
  static_assert(kBeginText.starts_with(kStart) && kEndText.starts_with(kStart));
  std::vector<Marker> found;
  std::size_t line = 1;
  std::size_t counted = 0;
  for (std::size_t at = bytes.find(kStart); at != std::string_view::npos;
       at = bytes.find(kStart, at + 1)) {
    const bool behind_mark = at == kByteOrderMark.size() && bytes.starts_with(kByteOrderMark);
    if (at != 0 && bytes[at - 1] != '\n' && !behind_mark) continue;
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::optional<MarkerKind> kind = marker_kind(bytes.substr(at, end - at));
    if (!kind) continue;
    line += count_lines(bytes.substr(counted, at - counted));
    counted = at;
    found.push_back({*kind, at, end - at + (end < bytes.size() ? 1 : 0), line, behind_mark});
  }
  return found;
}

Result<BlockPlace> locate_block(std::string_view bytes) {
  const std::vector<Marker> markers = find_markers(bytes);
  if (markers.empty()) return BlockPlace{};
  const bool sound = markers.size() == 2 && markers[0].kind == MarkerKind::begin &&
                     markers[1].kind == MarkerKind::end && !markers[0].behind_byte_order_mark;
  if (sound) return BlockPlace{true, markers[0], markers[1]};
  return {Errc::damaged_markers,
          "the markers of the managed block are damaged: " + list_markers(markers) +
              "; there must be one BEGIN and one END after it"};
}

}  // namespace hostspin
