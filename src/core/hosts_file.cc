#include "hostspin/hosts_file.h"

#include "entry.h"
#include "markers.h"

namespace hostspin {

std::string HostsFile::bytes() const {
  std::string whole;
  whole.reserve(before.size() + (block ? block->bytes.size() : 0) + after.size());
  whole += before;
  if (block) whole += block->bytes;
  whole += after;
  return whole;
}

std::optional<FoundBlock> read_block(const BlockPlace& place, std::string_view bytes) {
  if (!place.present) return std::nullopt;
  FoundBlock block;
  block.bytes = place.block(bytes);
  block.header = parse_header(block.bytes);
  block.first_line = place.begin.line;
  block.last_line = place.end.line;
  read_block_lines(block.bytes, block.pins, block.foreign_lines);
  return block;
}

Result<HostsFile> parse_hosts(std::string_view bytes) {
  const Result<BlockPlace> place = locate_block(bytes);
  if (!place) return place.error();
  HostsFile file;
  file.before = place->before(bytes);
  file.after = place->after(bytes);
  file.block = read_block(*place, bytes);
  return file;
}

Result<std::optional<FoundBlock>> find_block(std::string_view bytes) {
  const Result<BlockPlace> place = locate_block(bytes);
  if (!place) return place.error();
  return read_block(*place, bytes);
}

bool gives_localhost(std::string_view bytes) {
  bool in_block = false;
  bool found = false;
  // It is nearly always on one of the first lines.
  while (!bytes.empty() && !found) {
    const std::size_t end = bytes.find('\n');
    const std::string_view line = bytes.substr(0, end);
    bytes.remove_prefix(line.size() + (end == std::string_view::npos ? 0 : 1));
    if (const std::optional<MarkerKind> marker = marker_kind(line)) {
      in_block = *marker == MarkerKind::begin;
      continue;
    }
    const Entry entry = read_entry(line);
    if (in_block || entry.empty || !may_be_address(entry.address)) continue;
    for_each_word(entry.names,
                  [&](std::string_view word) { found = found || to_lower(word) == "localhost"; });
  }
  return found;
}

}  // namespace hostspin
