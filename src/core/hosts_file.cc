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

Result<HostsFile> parse_hosts(std::string_view bytes) {
  const Result<BlockPlace> place = locate_block(bytes);
  if (!place) return place.error();
  HostsFile file;
  file.before = place->before(bytes);
  file.after = place->after(bytes);
  if (!place->present) return file;

  FoundBlock block;
  block.bytes = place->block(bytes);
  block.header = parse_header(block.bytes);
  block.first_line = place->begin.line;
  block.last_line = place->end.line;
  read_block_lines(block.bytes, block.pins, block.foreign_lines);
  file.block = std::move(block);
  return file;
}

bool gives_localhost(std::string_view bytes) {
  const Result<BlockPlace> place = locate_block(bytes);
  // Where the markers are damaged no line is surely ours, and all count.
  const auto gives = [](std::string_view part) {
    while (!part.empty()) {
      const std::size_t end = part.find('\n');
      const Entry entry = read_entry(part.substr(0, end));
      bool found = false;
      if (!entry.empty && may_be_address(entry.address))
        for_each_word(entry.names, [&](std::string_view word) {
          found = found || to_lower(word) == "localhost";
        });
      if (found) return true;
      if (end == std::string_view::npos) break;
      part.remove_prefix(end + 1);
    }
    return false;
  };
  if (!place) return gives(bytes);
  return gives(place->before(bytes)) || gives(place->after(bytes));
}

}  // namespace hostspin
