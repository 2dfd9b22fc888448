#include "root_text.h"

#include <vector>

#include "hostspin/time_text.h"
#include "words.h"

namespace hostspin::desk {
namespace {

std::string key_lines(const KeyRing& ring) {
  std::string text = "threshold = " + std::to_string(ring.threshold) + "\nkeys = [\n";
  for (const VerifierKey& key : ring.keys) text += "  " + toml_string(key.text()) + ",\n";
  return text + "]\n";
}

template <typename Items, typename TextOf>
std::string array_line(const Items& items, TextOf text_of) {
  std::string text = "[";
  for (const auto& item : items) {
    if (text.size() > 1) text += ", ";
    text += toml_string(text_of(item));
  }
  return text + "]\n";
}

}  // namespace

std::string toml_string(std::string_view text) {
  std::string quoted_text = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted_text += '\\';
    quoted_text += c;
  }
  return quoted_text + "\"";
}

std::string write_root_text(const RootDocument& root) {
  std::string text(format_line(DocumentKind::root));
  text += "\nfleet = " + toml_string(root.fleet);
  text += "\nversion = " + std::to_string(root.version);
  text += "\nissued = " + format_utc(root.issued);
  text += "\nexpires = " + format_utc(root.expires);
  text += "\n\n[root]\n" + key_lines(root.root_keys);
  text += "\n[manifest]\n" + key_lines(root.manifest.keys);
  text += "epoch = " + std::to_string(root.manifest.epoch);
  text += "\nmin_version = " + std::to_string(root.manifest.min_version);
  text += "\nnames = " + array_line(root.manifest.names,
                                    [](const NamePattern& pattern) { return pattern.text(); });
  text += "networks = " + array_line(root.manifest.networks,
                                     [](const Prefix& prefix) { return prefix.to_string(); });
  return text;
}

}  // namespace hostspin::desk
