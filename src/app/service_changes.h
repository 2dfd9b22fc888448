#pragma once

#include <string>
#include <vector>

#include "hostspin/manifest.h"
#include "output.h"

namespace hostspin {

/// What became of one service between two manifests.
struct ServiceChange {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  std::string service;
  std::string what;  ///< for people: "10.0.0.5", "addresses 10.0.0.6, was 10.0.0.5; checks"
};

/// The services that came, went, or changed in addresses, names or checks: first the later
/// manifest's in its order, then those that it lacks. All are added where `before` is null.
[[nodiscard]] std::vector<ServiceChange> service_changes(const Manifest* before,
                                                         const Manifest& after);

/// {"added": [NAME…], "removed": [NAME…], "changed": [{"service", "what"}…]}.
[[nodiscard]] Json changes_json(const std::vector<ServiceChange>& changes);
/// "1 service added, 2 changed"; empty for none.
[[nodiscard]] std::string count_changes(const std::vector<ServiceChange>& changes);
/// "api.svc.example.com db.svc.example.com": the services that were so changed, in few kilobytes;
/// those that are left out are counted.
[[nodiscard]] std::string names_changed(const std::vector<ServiceChange>& changes,
                                        ServiceChange::Kind kind);
/// "added    api.svc.example.com  10.0.0.5", a line each, the last ones counted where they are
/// many.
[[nodiscard]] std::string list_changes(const std::vector<ServiceChange>& changes);

}  // namespace hostspin
