#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hostspin/root.h"

namespace hostspin::desk {

/// The changes to one role's keys.
struct KeyChanges {
  std::vector<std::string> add;
  std::vector<std::string> remove;
  std::optional<std::int64_t> threshold;

  [[nodiscard]] bool none() const { return add.empty() && remove.empty() && !threshold; }

  /// Errc::usage for a name that no key has.
  Result<void> apply(KeyRing& ring) const;
};

/// The changes to a list of names or networks.
template <typename Item>
struct ListChanges {
  std::vector<std::string> add;
  std::vector<std::string> remove;

  [[nodiscard]] bool none() const { return add.empty() && remove.empty(); }

  template <typename Read>
  Result<void> apply(std::vector<Item>& items, Read read) const {
    Result<std::vector<Item>> gone = read(remove);
    if (!gone) return std::move(gone).error();
    for (const Item& item : *gone) {
      const auto found = std::find(items.begin(), items.end(), item);
      if (found == items.end()) {
        return {Errc::usage, "the root does not have it, so it cannot be removed",
                "compare with the root's own text"};
      }
      items.erase(found);
    }
    Result<std::vector<Item>> more = read(add);
    if (!more) return std::move(more).error();
    items.insert(items.end(), more->begin(), more->end());
    return {};
  }
};

}  // namespace hostspin::desk
