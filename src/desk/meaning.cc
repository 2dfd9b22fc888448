#include "meaning.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "hostspin/time_text.h"
#include "words.h"

namespace hostspin::desk {
namespace {

using Changes = std::vector<Change>;

void compare_value(Changes& changes, const std::string& subject, const std::string& field,
                   const std::string& before, const std::string& after) {
  if (before == after) return;
  changes.push_back({Change::Kind::changed, subject, field, before, after});
}

void compare_sets(Changes& changes, const std::string& subject, const std::string& field,
                  const std::set<std::string>& before, const std::set<std::string>& after) {
  for (const std::string& value : before) {
    if (!after.contains(value)) {
      changes.push_back({Change::Kind::removed, subject, field, value, ""});
    }
  }
  for (const std::string& value : after) {
    if (!before.contains(value)) {
      changes.push_back({Change::Kind::added, subject, field, "", value});
    }
  }
}

template <typename Items, typename Describe>
std::set<std::string> set_of(const Items& items, Describe describe_item) {
  std::set<std::string> texts;
  for (const auto& item : items) texts.insert(describe_item(item));
  return texts;
}

std::string_view kind_text(ServiceKind kind) {
  switch (kind) {
    case ServiceKind::unspecified:
      return "unspecified";
    case ServiceKind::vip:
      return "vip";
    case ServiceKind::anycast:
      return "anycast";
    case ServiceKind::lb:
      return "lb";
    case ServiceKind::instance:
      return "instance";
  }
  return "";
}

std::set<std::string> aliases_of(const Service& service) {
  return set_of(service.aliases, [](const HostName& name) { return name.text(); });
}
std::set<std::string> addresses_of(const Service& service) {
  return set_of(service.addresses, [](const IPAddress& address) { return address.to_string(); });
}
std::set<std::string> checks_of(const Service& service) {
  return set_of(service.checks, [](const Check& check) { return describe(check); });
}

std::string joined(const std::set<std::string>& texts, std::string_view separator) {
  return join(std::vector<std::string>(texts.begin(), texts.end()), separator);
}

/// A whole service in one line, for one that came or went.
std::string summary(const Service& service) {
  std::vector<std::string> addresses;
  for (const IPAddress& address : service.addresses) addresses.push_back(address.to_string());
  std::string text = join(addresses, " ");
  if (!service.aliases.empty()) text += " aliases " + joined(aliases_of(service), " ");
  if (!service.checks.empty()) text += " (" + joined(checks_of(service), ", ") + ")";
  return text;
}

/// What a service says for people, each on a line of its own.
void add_people_text(std::vector<std::string>& lines, const Service& service) {
  const auto add = [&lines](const std::string& what, const std::string& text) {
    if (!text.empty()) lines.push_back("    " + what + ": " + text);
  };
  if (service.kind != ServiceKind::unspecified) {
    add("kind", std::string(kind_text(service.kind)));
  }
  add("description", service.description);
  add("owner", service.owner);
  add("runbook", service.runbook);
}

void add_keys(std::vector<std::string>& lines, const std::string& role, const KeyRing& ring) {
  lines.push_back(std::to_string(ring.threshold) + " of these " + role + " keys must sign:");
  for (const VerifierKey& key : ring.keys) lines.push_back("  " + key.text());
}

void compare_services(Changes& changes, const Service& before, const Service& after) {
  const std::string& name = after.name.text();
  compare_sets(changes, name, "address", addresses_of(before), addresses_of(after));
  compare_sets(changes, name, "alias", aliases_of(before), aliases_of(after));
  compare_sets(changes, name, "check", checks_of(before), checks_of(after));
  compare_value(changes, name, "kind", std::string(kind_text(before.kind)),
                std::string(kind_text(after.kind)));
  compare_value(changes, name, "description", before.description, after.description);
  compare_value(changes, name, "owner", before.owner, after.owner);
  compare_value(changes, name, "runbook", before.runbook, after.runbook);
  // The first address wins for most readers, so order has a meaning when nothing else changed.
  if (addresses_of(before) == addresses_of(after) && before.addresses != after.addresses) {
    changes.push_back(
        {Change::Kind::changed, name, "order of addresses", summary(before), summary(after)});
  }
}

std::map<std::string, const Service*> by_name(const Manifest& manifest) {
  std::map<std::string, const Service*> services;
  for (const Service& service : manifest.services) services[service.name.text()] = &service;
  return services;
}

void compare_keys(Changes& changes, const std::string& role, const KeyRing& before,
                  const KeyRing& after) {
  const auto text = [](const VerifierKey& key) { return key.text(); };
  compare_value(changes, "", role + " threshold", std::to_string(before.threshold),
                std::to_string(after.threshold));
  compare_sets(changes, "", role + " key", set_of(before.keys, text), set_of(after.keys, text));
}

char symbol(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::added:
      return '+';
    case Change::Kind::removed:
      return '-';
    case Change::Kind::changed:
      return '~';
  }
  return ' ';
}

std::string_view color(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::added:
      return "32";
    case Change::Kind::removed:
      return "31";
    case Change::Kind::changed:
      return "33";
  }
  return "";
}

std::string_view word(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::added:
      return "added";
    case Change::Kind::removed:
      return "removed";
    case Change::Kind::changed:
      return "changed";
  }
  return "";
}

}  // namespace

std::string describe(const Check& check) {
  std::string text = check.label();
  const auto add = [&text](std::string_view key, const std::string& value) {
    text += " " + std::string(key) + "=" + value;
  };
  if (!check.server_name.empty()) add("server_name", check.server_name);
  if (check.ca != "system") add("ca", check.ca);
  if (check.min_days_left != 0) add("min_days_left", std::to_string(check.min_days_left));
  for (const std::string& pin : check.spki) add("spki", pin);
  if (check.path != "/") add("path", check.path);
  if (!check.host.empty()) add("host", check.host);
  for (const int status : check.status) add("status", std::to_string(status));
  if (!check.contains.empty()) add("contains", hostspin::quoted(check.contains));
  if (!check.grpc_service.empty()) add("service", check.grpc_service);
  if (check.grpc_tls) add("tls", "true");
  return text;
}

Changes compare(const Manifest& before, const Manifest& after) {
  Changes changes;
  compare_value(changes, "", "fleet", before.fleet, after.fleet);
  compare_value(changes, "", "epoch", std::to_string(before.epoch), std::to_string(after.epoch));
  compare_value(changes, "", "version", std::to_string(before.version),
                std::to_string(after.version));
  compare_value(changes, "", "min_root", std::to_string(before.min_root),
                std::to_string(after.min_root));
  compare_value(changes, "", "issued", format_utc(before.issued), format_utc(after.issued));
  compare_value(changes, "", "expires", format_utc(before.expires), format_utc(after.expires));
  compare_value(changes, "", "rollout", std::to_string(before.rollout.count()),
                std::to_string(after.rollout.count()));

  const auto olds = by_name(before);
  const auto news = by_name(after);
  for (const auto& [name, service] : olds) {
    if (!news.contains(name)) {
      changes.push_back({Change::Kind::removed, name, "", summary(*service), ""});
    }
  }
  for (const auto& [name, service] : news) {
    const auto old = olds.find(name);
    if (old == olds.end()) {
      changes.push_back({Change::Kind::added, name, "", "", summary(*service)});
    } else {
      compare_services(changes, *old->second, *service);
    }
  }
  return changes;
}

Changes compare(const RootDocument& before, const RootDocument& after) {
  Changes changes;
  compare_value(changes, "", "fleet", before.fleet, after.fleet);
  compare_value(changes, "", "version", std::to_string(before.version),
                std::to_string(after.version));
  compare_value(changes, "", "issued", format_utc(before.issued), format_utc(after.issued));
  compare_value(changes, "", "expires", format_utc(before.expires), format_utc(after.expires));
  compare_keys(changes, "root", before.root_keys, after.root_keys);
  compare_keys(changes, "manifest", before.manifest.keys, after.manifest.keys);
  compare_value(changes, "", "epoch", std::to_string(before.manifest.epoch),
                std::to_string(after.manifest.epoch));
  compare_value(changes, "", "min_version", std::to_string(before.manifest.min_version),
                std::to_string(after.manifest.min_version));
  const auto name_text = [](const NamePattern& pattern) { return pattern.text(); };
  const auto network_text = [](const Prefix& prefix) { return prefix.to_string(); };
  compare_sets(changes, "", "name", set_of(before.manifest.names, name_text),
               set_of(after.manifest.names, name_text));
  compare_sets(changes, "", "network", set_of(before.manifest.networks, network_text),
               set_of(after.manifest.networks, network_text));
  return changes;
}

std::vector<std::string> list_services(const Manifest& manifest) {
  std::vector<std::string> lines;
  for (const Service& service : manifest.services) {
    lines.push_back(service.name.text() + " " + summary(service));
    add_people_text(lines, service);
  }
  return lines;
}

std::vector<std::string> list_rules(const RootDocument& root) {
  std::vector<std::string> lines;
  add_keys(lines, "root", root.root_keys);
  add_keys(lines, "manifest", root.manifest.keys);
  lines.push_back("epoch " + std::to_string(root.manifest.epoch) + ", min_version " +
                  std::to_string(root.manifest.min_version));
  for (const NamePattern& pattern : root.manifest.names) lines.push_back("name " + pattern.text());
  for (const Prefix& network : root.manifest.networks) {
    lines.push_back("network " + network.to_string());
  }
  return lines;
}

bool is_substantial(const Changes& changes) {
  return std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    return !change.subject.empty() ||
           (change.field != "version" && change.field != "issued" && change.field != "expires");
  });
}

std::string render(const Changes& changes, const Console& console) {
  std::string text;
  for (const Change& change : changes) {
    std::vector<std::string> words{std::string(1, symbol(change.kind))};
    if (!change.subject.empty()) words.push_back(change.subject);
    if (!change.field.empty()) words.push_back(change.field);
    if (change.kind == Change::Kind::changed) {
      words.push_back((change.before.empty() ? "''" : change.before) + " -> " +
                      (change.after.empty() ? "''" : change.after));
    } else {
      words.push_back(change.before + change.after);  // one of them is empty
    }
    text += console.paint(color(change.kind), join(words, " ")) + "\n";
  }
  return text;
}

std::string render_json(const Changes& changes) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Change& change : changes) {
    nlohmann::ordered_json item{{"change", word(change.kind)}};
    if (!change.subject.empty()) item["service"] = change.subject;
    if (!change.field.empty()) item["field"] = change.field;
    if (!change.before.empty()) item["before"] = change.before;
    if (!change.after.empty()) item["after"] = change.after;
    list.push_back(std::move(item));
  }
  return list.dump();
}

}  // namespace hostspin::desk
