#include "block_author.h"

#include <algorithm>

#include "hostspin/crypto.h"
#include "markers.h"

namespace hostspin {
namespace {

constexpr std::size_t kMarkDigits = 16;

/// Whether one machine can have both for its own name.
bool is_of_one_machine(const std::set<HostName>& names) {
  if (names.size() < 2) return true;
  if (names.size() > 2) return false;
  const std::string& shorter = names.begin()->text();  // "web" comes before "web.example"
  const std::string& longer = names.rbegin()->text();
  return shorter == longer.substr(0, longer.find('.'));
}

}  // namespace

std::string block_mark(std::string_view block) {
  return to_hex(sha256(without_root(block))).substr(0, kMarkDigits);
}

std::optional<std::set<HostName>> names_left_out(const FoundBlock& block,
                                                 const AdmittedManifest& manifest) {
  if (block.header.sha256 != manifest.short_digest()) return std::nullopt;
  std::set<HostName> missing;
  for (const Service& service : manifest.manifest().services) {
    missing.insert(service.name);
    missing.insert(service.aliases.begin(), service.aliases.end());
  }
  for (const Pin& pin : block.pins) missing.erase(pin.name);
  if (!is_of_one_machine(missing)) return std::nullopt;
  const Result<std::string> written =
      render_block(manifest, block.header.root.value_or(1), missing);
  if (!written || without_root(*written) != without_root(block.bytes)) return std::nullopt;
  return missing;
}

}  // namespace hostspin
