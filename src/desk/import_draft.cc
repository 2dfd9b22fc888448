#include "import_draft.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "hostspin/host_name.h"
#include "hostspin/ip.h"
#include "hostspin/manifest.h"
#include "hostspin/time_text.h"
#include "root_text.h"
#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr int kAliasStepsMax = 8;

/// What a manifest will say of one name.
struct Entry {
  std::set<HostName> aliases;
  std::vector<IPAddress> addresses;
  std::set<std::uint16_t> ports;
};

class Collector {
 public:
  void take(const FoundList& found) {
    for (const Found& item : found) {
      if (!item.target.empty()) targets_[plain(item.name)] = plain(item.target);
    }
    for (const Found& item : found) {
      if (!item.left_out.empty()) {
        skip(plain(item.name), item.left_out);
      } else if (item.target.empty()) {
        take_address(item);
      }
    }
    for (const auto& [alias, target] : targets_) take_alias(alias);
    drop_repeated_aliases();
  }

  [[nodiscard]] const std::map<std::string, Entry>& entries() const { return entries_; }
  std::vector<std::string> take_skipped() { return {skipped_.begin(), skipped_.end()}; }

 private:
  /// Lower case, without a trailing dot.
  static std::string plain(std::string_view name) {
    std::string text(name);
    if (text.ends_with('.')) text.pop_back();
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
  }

  void skip(const std::string& what, const std::string& why) {
    skipped_.insert(quoted(what) + ": " + why);
  }

  [[nodiscard]] std::optional<HostName> usable_name(const std::string& text) {
    if (text.starts_with("*.")) {
      skip(text, "a hosts file has no wildcards: name what must resolve");
      return {};
    }
    Result<HostName> name = HostName::parse(text);
    if (!name) {
      skip(text, name.error().detail);
      return {};
    }
    if (is_reserved(*name)) {
      skip(text, "may never be pinned");
      return {};
    }
    return *std::move(name);
  }

  void take_address(const Found& item) {
    const std::optional<HostName> name = usable_name(plain(item.name));
    if (!name) return;
    const Result<IPAddress> address = IPAddress::parse(item.address);
    if (!address) return skip(name->text(), address.error().detail);
    if (is_forbidden(*address)) {
      return skip(name->text(), item.address + " may never be pinned");
    }
    Entry& entry = entries_[name->text()];
    if (item.port) entry.ports.insert(*item.port);
    if (std::find(entry.addresses.begin(), entry.addresses.end(), *address) !=
        entry.addresses.end()) {
      return;
    }
    if (entry.addresses.size() == kAddressesPerServiceMax) {
      return skip(name->text(), "more than 16 addresses");
    }
    entry.addresses.push_back(*address);
  }

  /// Follows a chain of aliases to a name that has addresses.
  void take_alias(const std::string& alias) {
    std::string at = alias;
    for (int step = 0; step < kAliasStepsMax; ++step) {
      const auto next = targets_.find(at);
      if (next == targets_.end()) break;
      at = next->second;
    }
    const auto entry = entries_.find(at);
    if (entry == entries_.end())
      return skip(alias, "an alias of " + quoted(at) + ", which has no address here");
    if (const std::optional<HostName> name = usable_name(alias); name && alias != at) {
      entry->second.aliases.insert(*name);
    }
  }

  /// A name may stand once in a manifest: a service of its own is more than an alias, and of two
  /// services with the same alias the first keeps it.
  void drop_repeated_aliases() {
    std::set<std::string> seen;
    for (const auto& [name, entry] : entries_) seen.insert(name);
    for (auto& named : entries_) {
      std::erase_if(named.second.aliases, [&](const HostName& alias) {
        const bool fresh = seen.insert(alias.text()).second;
        if (!fresh) skip(alias.text(), "a second time, as an alias of " + named.first);
        return !fresh;
      });
    }
  }

  std::map<std::string, std::string> targets_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> skipped_;
};

std::string write_service(const std::string& name, const Entry& entry) {
  std::string text = "\n[[service]]\nname = " + toml_string(name) + "\n";
  if (!entry.aliases.empty()) {
    std::vector<std::string> aliases;
    for (const HostName& alias : entry.aliases) aliases.push_back(toml_string(alias.text()));
    text += "aliases = [" + join(aliases, ", ") + "]\n";
  }
  std::vector<std::string> addresses;
  for (const IPAddress& address : entry.addresses) {
    addresses.push_back(toml_string(address.to_string()));
  }
  text += "addresses = [" + join(addresses, ", ") + "]\n";
  std::vector<std::string> checks;
  for (const std::uint16_t port : entry.ports)
    checks.push_back("{ tcp = " + std::to_string(port) + " }");
  if (checks.size() == 1) text += "check = " + checks.front() + "\n";
  if (checks.size() > 1) text += "check = [" + join(checks, ", ") + "]\n";
  return text;
}

}  // namespace

ImportedDraft write_draft(const FoundList& found, const std::string& fleet,
                          std::chrono::sys_seconds issued, std::chrono::sys_seconds expires) {
  Collector collector;
  collector.take(found);
  ImportedDraft draft;
  draft.text = std::string(format_line(DocumentKind::manifest)) +
               "\nfleet = " + toml_string(fleet) +
               "\nepoch = 1\nversion = 1\nmin_root = 1\nissued = " + format_utc(issued) +
               "\nexpires = " + format_utc(expires) + "\n";
  for (const auto& [name, entry] : collector.entries()) draft.text += write_service(name, entry);
  draft.services = collector.entries().size();
  draft.skipped = collector.take_skipped();
  return draft;
}

}  // namespace hostspin::desk
