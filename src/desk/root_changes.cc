#include "root_changes.h"

#include "rules.h"
#include "verifier_argument.h"

namespace hostspin::desk {

Result<void> KeyChanges::apply(KeyRing& ring) const {
  for (const std::string& name : remove) {
    const auto gone = std::remove_if(ring.keys.begin(), ring.keys.end(), [&](const auto& key) {
      return key.name() == name || key.text() == name;
    });
    if (gone == ring.keys.end()) {
      return {Errc::usage, "there is no key named " + quoted(name) + " to remove",
              "the keys are " + names_of(ring)};
    }
    ring.keys.erase(gone, ring.keys.end());
  }
  for (const std::string& argument : add) {
    Result<VerifierKey> key = read_verifier_argument(argument);
    if (!key) return std::move(key).error();
    ring.keys.push_back(*std::move(key));
  }
  if (threshold) ring.threshold = static_cast<int>(*threshold);
  return {};
}

}  // namespace hostspin::desk
