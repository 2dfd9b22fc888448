#pragma once

#include <string>
#include <vector>

#include "console.h"
#include "hostspin/manifest.h"
#include "hostspin/root.h"

namespace hostspin::desk {

/// One difference between two documents, by meaning: order, layout and comments make none.
struct Change {
  enum class Kind { added, removed, changed };
  Kind kind = Kind::changed;
  std::string subject;  ///< a service's name, or empty for the document itself
  std::string field;    ///< "address", "version"; empty where a whole service came or went
  std::string before;
  std::string after;
};

[[nodiscard]] std::vector<Change> compare(const Manifest& before, const Manifest& after);
[[nodiscard]] std::vector<Change> compare(const RootDocument& before, const RootDocument& after);

/// Whether anything but version, issued and expires differs.
[[nodiscard]] bool is_substantial(const std::vector<Change>& changes);

/// "+ cache.example.com 10.1.2.3 (tcp:6379)", one line a change.
[[nodiscard]] std::string render(const std::vector<Change>& changes, const Console& console);
/// A JSON array of the same.
[[nodiscard]] std::string render_json(const std::vector<Change>& changes);

/// Every service of a manifest, in its order: "db.example.com 10.1.2.3 (tcp:5432)", then what it
/// says for people.
[[nodiscard]] std::vector<std::string> list_services(const Manifest& manifest);
/// All that a root says, beside fleet, version and times.
[[nodiscard]] std::vector<std::string> list_rules(const RootDocument& root);

/// "https:6443 path=/readyz ca=internal": all that a check asks.
[[nodiscard]] std::string describe(const Check& check);

}  // namespace hostspin::desk
