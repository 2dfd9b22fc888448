// The managed block: what it says, how it is written, how a present one differs.

#include <algorithm>
#include <charconv>

#include "entry.h"
#include "hostspin/hosts_file.h"
#include "markers.h"

namespace hostspin {
namespace {

constexpr std::string_view kHeaderNote = " - managed, see hostspin(8)";
constexpr std::string_view kRootField = " root=";
constexpr std::size_t kShortDigestSize = 16;
constexpr std::size_t kFleetBytesMax = 64;

bool is_fleet(std::string_view text) {
  return !text.empty() && text.size() <= kFleetBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
         });
}

bool is_short_digest(std::string_view text) {
  return text.size() == kShortDigestSize && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// A positive decimal without leading zeros.
std::optional<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < 1 || text.front() == '0') return std::nullopt;
  return number;
}

std::string header_line(const BlockHeader& header) {
  std::string line(kBeginText);
  if (!header.fleet.empty()) line += " fleet=" + header.fleet;
  if (header.epoch) line += " epoch=" + std::to_string(*header.epoch);
  if (header.version) line += " version=" + std::to_string(*header.version);
  if (header.root) line += std::string(kRootField) + std::to_string(*header.root);
  if (!header.sha256.empty()) line += " sha256=" + header.sha256;
  line += kHeaderNote;
  line += '\n';
  return line;
}

/// The pins as a set. Pointers are sorted, since names are costly to move.
std::vector<const Pin*> to_set(const std::vector<Pin>& pins) {
  std::vector<const Pin*> set;
  set.reserve(pins.size());
  for (const Pin& pin : pins) set.push_back(&pin);
  std::sort(set.begin(), set.end(), [](const Pin* a, const Pin* b) { return *a < *b; });
  const auto same = [](const Pin* a, const Pin* b) { return *a == *b; };
  set.erase(std::unique(set.begin(), set.end(), same), set.end());
  return set;
}

bool same_set(const std::vector<Pin>& a, const std::vector<Pin>& b) {
  if (a == b) return true;  // nearly always: a new version that moves no address
  const std::vector<const Pin*> set_a = to_set(a);
  const std::vector<const Pin*> set_b = to_set(b);
  return std::equal(set_a.begin(), set_a.end(), set_b.begin(), set_b.end(),
                    [](const Pin* x, const Pin* y) { return *x == *y; });
}

/// The first line, without its LF.
std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

/// Whether both are of the same manifest, whatever root they were written under.
bool same_header(const BlockHeader& a, const BlockHeader& b) {
  return a.fleet == b.fleet && a.epoch == b.epoch && a.version == b.version && a.sha256 == b.sha256;
}

}  // namespace

std::string without_root(std::string_view block) {
  std::string text(block);
  const std::size_t begin = first_line(block).find(kRootField);
  if (begin == std::string_view::npos) return text;
  const std::size_t end = block.find_first_of(" \n", begin + 1);
  return text.erase(begin, std::min(end, block.size()) - begin);
}

BlockHeader parse_header(std::string_view line) {
  BlockHeader header;
  bool seen_fleet = false;
  bool seen_epoch = false;
  bool seen_version = false;
  bool seen_sha256 = false;
  bool seen_root = false;
  const auto first = [](bool& seen) { return !std::exchange(seen, true); };
  for_each_word(first_line(line.substr(std::min(kBeginText.size(), line.size()))),
                [&](std::string_view word) {
                  const std::size_t equals = word.find('=');
                  if (equals == std::string_view::npos) return;
                  const std::string_view key = word.substr(0, equals);
                  const std::string_view value = word.substr(equals + 1);
                  // Of a field given twice the first counts, and it counts once.
                  if (key == "fleet" && first(seen_fleet) && is_fleet(value)) header.fleet = value;
                  if (key == "epoch" && first(seen_epoch)) header.epoch = parse_number(value);
                  if (key == "version" && first(seen_version)) header.version = parse_number(value);
                  if (key == "root" && first(seen_root)) header.root = parse_number(value);
                  if (key == "sha256" && first(seen_sha256) && is_short_digest(value))
                    header.sha256 = value;
                });
  return header;
}

void read_block_lines(std::string_view block, std::vector<Pin>& pins, std::size_t& foreign_lines) {
  for_each_line(block, [&](std::string_view line) {
    const Entry entry = read_entry(line);
    if (entry.empty) return;  // blank or a comment; the markers are comments too
    const std::optional<IPAddress> address = read_address(entry.address);
    bool foreign = !address || entry.names.empty();
    if (address) {
      for_each_word(entry.names, [&](std::string_view word) {
        Result<HostName> name = HostName::parse(to_lower(word));
        if (name)
          pins.push_back({*address, std::move(*name)});
        else
          foreign = true;
      });
    }
    if (foreign) ++foreign_lines;
  });
}

Result<std::string> render_block_lines(const BlockHeader& header, const std::vector<Pin>& pins) {
  if (!is_fleet(header.fleet) || !is_short_digest(header.sha256))
    return {Errc::internal, "a block's header needs a fleet and 16 hex digits"};
  if (pins.size() > kBlockLinesMax)
    return {Errc::block_too_large, "the block would have " + std::to_string(pins.size()) +
                                       " lines, above " + std::to_string(kBlockLinesMax)};
  std::string block = header_line(header);
  for (const Pin& pin : pins) {
    const std::size_t start = block.size();
    block += pin.address.to_string();
    block += '\t';
    block += pin.name.text();
    block += '\n';
    // Names are at most 253 bytes and addresses 39, so this guards our own limits, not the input.
    if (block.size() - start > kBlockLineBytesMax)
      return {Errc::block_too_large,
              "a line of the block would pass " + std::to_string(kBlockLineBytesMax) + " bytes"};
  }
  block += kEndText;
  block += '\n';
  if (block.size() > kBlockBytesMax)
    return {Errc::block_too_large, "the block would have " + std::to_string(block.size()) +
                                       " bytes, above " + std::to_string(kBlockBytesMax)};
  return block;
}

Result<std::string> render_block(const AdmittedManifest& manifest, std::int64_t root_version,
                                 const std::set<HostName>& own_names) {
  const Manifest& content = manifest.manifest();
  const BlockHeader header{content.fleet, content.epoch, content.version, manifest.short_digest(),
                           root_version};
  return render_block_lines(header, wanted_pins(content, own_names));
}

std::vector<Pin> wanted_pins(const Manifest& manifest, const std::set<HostName>& own_names) {
  std::vector<Pin> pins;
  const auto add = [&](const HostName& name, const std::vector<IPAddress>& addresses) {
    if (own_names.count(name) > 0) return;
    for (const IPAddress& address : addresses) pins.push_back({address, name});
  };
  for (const Service& service : manifest.services) {
    add(service.name, service.addresses);
    for (const HostName& alias : service.aliases) add(alias, service.addresses);
  }
  return pins;
}

std::string_view drift_name(Drift drift) {
  switch (drift) {
    case Drift::none:
      return "none";
    case Drift::layout:
      return "layout";
    case Drift::content:
      return "content";
    case Drift::header:
      return "header";
    case Drift::missing:
      return "missing";
  }
  return "unknown";
}

Drift compare_block(const std::optional<FoundBlock>& block, std::string_view wanted_block,
                    const std::vector<Pin>& pins) {
  if (!block) return Drift::missing;
  const FoundBlock& found = *block;
  if (found.bytes == wanted_block) return Drift::none;
  if (found.foreign_lines > 0 || !same_set(found.pins, pins)) return Drift::content;
  if (!same_header(found.header, parse_header(first_line(wanted_block)))) return Drift::header;
  if (without_root(found.bytes) == without_root(wanted_block)) return Drift::none;
  return Drift::layout;
}

}  // namespace hostspin
