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

/// Whether a line, without its LF, is a marker.
bool is_marker(std::string_view line, MarkerKind kind) {
  line = trim_right(line);
  if (kind == MarkerKind::end) return line == kEndText;
  if (!line.starts_with(kBeginText)) return false;
  line.remove_prefix(kBeginText.size());
  return line.empty() || line.front() == ' ' || line.front() == '\t';
}

void find_kind(std::string_view bytes, std::string_view text, MarkerKind kind,
               std::vector<Marker>& found) {
  for (std::size_t at = bytes.find(text); at != std::string_view::npos;
       at = bytes.find(text, at + 1)) {
    const bool behind_mark = at == kByteOrderMark.size() && bytes.starts_with(kByteOrderMark);
    if (at != 0 && bytes[at - 1] != '\n' && !behind_mark) continue;
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    if (!is_marker(bytes.substr(at, end - at), kind)) continue;
    const std::size_t size = end - at + (end < bytes.size() ? 1 : 0);
    found.push_back({kind, at, size, 0, behind_mark});
  }
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

std::vector<Marker> find_markers(std::string_view bytes) {
  std::vector<Marker> found;
  find_kind(bytes, kBeginText, MarkerKind::begin, found);
  find_kind(bytes, kEndText, MarkerKind::end, found);
  std::sort(found.begin(), found.end(),
            [](const Marker& a, const Marker& b) { return a.offset < b.offset; });
  std::size_t line = 1;
  std::size_t counted = 0;
  for (Marker& marker : found) {
    line += count_lines(bytes.substr(counted, marker.offset - counted));
    counted = marker.offset;
    marker.line = line;
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
