#include "service_changes.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace hostspin {
namespace {

constexpr std::size_t kLinesMax = 40;

std::string_view kind_word(ServiceChange::Kind kind) {
  switch (kind) {
    case ServiceChange::Kind::added:
      return "added";
    case ServiceChange::Kind::removed:
      return "removed";
    case ServiceChange::Kind::changed:
      return "changed";
  }
  return "";
}

std::string addresses_of(const Service& service) {
  std::string text;
  for (const IPAddress& address : service.addresses) {
    text += (text.empty() ? "" : " ") + address.to_string();
  }
  return text;
}

std::set<std::string> aliases_of(const Service& service) {
  std::set<std::string> names;
  for (const HostName& alias : service.aliases) names.insert(alias.text());
  return names;
}

std::set<std::string> checks_of(const Service& service) {
  std::set<std::string> checks;
  for (const Check& check : service.checks) checks.insert(check.identity(service.name.text()));
  return checks;
}

/// What differs in two entries of one name; empty where nothing that is pinned or probed does.
std::string difference(const Service& before, const Service& after) {
  std::string what;
  const auto add = [&](const std::string& part) { what += (what.empty() ? "" : "; ") + part; };
  if (before.addresses != after.addresses) {
    add("addresses " + addresses_of(after) + ", was " + addresses_of(before));
  }
  if (aliases_of(before) != aliases_of(after)) add("aliases");
  if (checks_of(before) != checks_of(after)) add("checks");
  return what;
}

}  // namespace

std::vector<ServiceChange> service_changes(const Manifest* before, const Manifest& after) {
  std::map<std::string, const Service*> gone;
  if (before != nullptr) {
    for (const Service& service : before->services) gone.emplace(service.name.text(), &service);
  }
  std::vector<ServiceChange> changes;
  for (const Service& service : after.services) {
    const std::string& name = service.name.text();
    const auto node = gone.extract(name);
    if (node.empty()) {
      changes.push_back({ServiceChange::Kind::added, name, addresses_of(service)});
    } else if (std::string what = difference(*node.mapped(), service); !what.empty()) {
      changes.push_back({ServiceChange::Kind::changed, name, std::move(what)});
    }
  }
  for (const auto& [name, service] : gone) {
    changes.push_back({ServiceChange::Kind::removed, name, "was " + addresses_of(*service)});
  }
  return changes;
}

Json changes_json(const std::vector<ServiceChange>& changes) {
  Json added = Json::array();
  Json removed = Json::array();
  Json changed = Json::array();
  for (const ServiceChange& change : changes) {
    switch (change.kind) {
      case ServiceChange::Kind::added:
        added.push_back(change.service);
        break;
      case ServiceChange::Kind::removed:
        removed.push_back(change.service);
        break;
      case ServiceChange::Kind::changed:
        changed.push_back({{"service", change.service}, {"what", change.what}});
        break;
    }
  }
  return {{"added", added}, {"removed", removed}, {"changed", changed}};
}

std::string count_changes(const std::vector<ServiceChange>& changes) {
  std::string text;
  for (const ServiceChange::Kind kind :
       {ServiceChange::Kind::added, ServiceChange::Kind::removed, ServiceChange::Kind::changed}) {
    const auto count = std::count_if(changes.begin(), changes.end(),
                                     [&](const ServiceChange& one) { return one.kind == kind; });
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(count) +
            (text.empty() ? (count == 1 ? " service " : " services ") : " ");
    text += kind_word(kind);
  }
  return text;
}

std::string names_changed(const std::vector<ServiceChange>& changes, ServiceChange::Kind kind) {
  constexpr std::size_t kNamesBytesMax = 4096;
  std::string names;
  std::size_t left_out = 0;
  for (const ServiceChange& change : changes) {
    if (change.kind != kind) continue;
    if (names.size() + change.service.size() > kNamesBytesMax) {
      ++left_out;
    } else {
      names += (names.empty() ? "" : " ") + change.service;
    }
  }
  return left_out == 0 ? names : names + " and " + std::to_string(left_out) + " more";
}

std::string list_changes(const std::vector<ServiceChange>& changes) {
  constexpr std::size_t kWordColumns = 9;
  std::string text;
  for (std::size_t i = 0; i < std::min(changes.size(), kLinesMax); ++i) {
    std::string word(kind_word(changes[i].kind));
    word.resize(kWordColumns, ' ');
    text += word + changes[i].service + "  " + changes[i].what + "\n";
  }
  if (changes.size() > kLinesMax) {
    text += "and " + std::to_string(changes.size() - kLinesMax) + " more\n";
  }
  return text;
}

}  // namespace hostspin
