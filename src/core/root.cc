#include "hostspin/root.h"

#include <algorithm>
#include <set>

#include "note_text.h"
#include "table_reader.h"

namespace hostspin {
namespace {

using std::chrono::days;

constexpr std::size_t kKeysPerRoleMax = 16;
constexpr std::size_t kConstraintsMax = 256;
constexpr days kRootLifetimeMax{1096};
constexpr int kPrefixLengthMinV4 = 8;
constexpr int kPrefixLengthMinV6 = 16;

/// The type and key of a verifier key as its text has them: equal for equal keys, opaque ones
/// included, since base64 is canonical.
std::string key_material(const VerifierKey& key) {
  return key.text().substr(key.text().find('+', key.text().find('+') + 1) + 1);
}

/// Calls `parse` with each string of the array `key`, and gives what it made.
template <typename T, typename Parse>
std::vector<T> read_each(TableReader& in, std::string_view key, std::size_t items_max,
                         Parse parse) {
  std::vector<T> values;
  for (const TomlValue& item : in.array(key, items_max)) {
    if (item.kind != TomlValue::Kind::string) {
      in.fail(item.line, quoted(key) + " must hold strings");
      return values;
    }
    Result<T> value = parse(item.text);
    if (!value) {
      in.fail(item.line, std::move(value).error());
      return values;
    }
    values.push_back(*std::move(value));
  }
  return values;
}

/// `threshold` and `keys` of one role. What two keys may share decides what can be counted twice.
KeyRing read_key_ring(TableReader& in) {
  KeyRing ring;
  const std::int64_t threshold = in.integer("threshold", 1, kKeysPerRoleMax);
  ring.threshold = static_cast<int>(threshold);
  ring.keys = read_each<VerifierKey>(in, "keys", kKeysPerRoleMax, [&](const std::string& text) {
    return VerifierKey::parse(text);
  });

  std::set<std::string> material;
  std::set<std::pair<std::string, std::uint32_t>> identities;
  std::int64_t usable = 0;
  for (const VerifierKey& key : ring.keys) {
    if (!material.insert(key_material(key)).second) {
      in.fail(in.line_of("keys"), "the public key of " + quoted(key.name()) + " is listed twice");
    }
    if (!identities.emplace(key.name(), key.id()).second) {
      in.fail(in.line_of("keys"), "two keys are named " + quoted(key.name()) + " with the same ID");
    }
    if (!key.is_opaque()) ++usable;
  }
  if (threshold > usable) {
    in.fail(in.line_of("threshold"), "a threshold of " + std::to_string(threshold) +
                                         " cannot be met by " + std::to_string(usable) +
                                         " usable keys");
  }
  return ring;
}

Result<Prefix> parse_network(const std::string& text) {
  Result<Prefix> prefix = Prefix::parse(text);
  if (!prefix) return prefix;
  const int length_min = prefix->is_v6() ? kPrefixLengthMinV6 : kPrefixLengthMinV4;
  if (prefix->length() < length_min) {
    return {Errc::bad_root, "network " + quoted(text) + " is wider than /" +
                                std::to_string(length_min) + ", which bounds nothing"};
  }
  return prefix;
}

ManifestRole read_manifest_role(TableReader& in) {
  ManifestRole role;
  role.keys = read_key_ring(in);
  role.epoch = in.integer("epoch", 1);
  role.min_version = in.integer("min_version", 1);
  role.names = read_each<NamePattern>(in, "names", kConstraintsMax, [](const std::string& text) {
    return NamePattern::parse(text);
  });
  role.networks = read_each<Prefix>(in, "networks", kConstraintsMax, parse_network);
  return role;
}

/// One role's keys must not be another's: a stolen manifest key would then help to change the root.
void check_roles_apart(TableReader& in, const RootDocument& root) {
  std::set<std::string> material;
  for (const VerifierKey& key : root.root_keys.keys) material.insert(key_material(key));
  for (const VerifierKey& key : root.manifest.keys.keys) {
    if (material.contains(key_material(key))) {
      in.fail(in.line_of("manifest"),
              "the public key of " + quoted(key.name()) + " has both roles, root and manifest");
    }
  }
}

}  // namespace

Result<RootDocument> parse_root_text(std::string_view text, UnknownKeys unknown) {
  if (Result<void> profile = check_document_text(text, DocumentKind::root); !profile) {
    return std::move(profile).error();
  }
  const Result<TomlValue> toml = read_toml(text, Errc::bad_root);
  if (!toml) return toml.error();

  TableReader in(*toml, "", Errc::bad_root);
  RootDocument root;
  (void)in.string("format");  // its line has been compared byte for byte
  root.fleet = read_fleet(in);
  root.version = in.integer("version", 1);
  root.issued = in.time("issued");
  root.expires = in.time("expires");
  check_lifetime(in, root.issued, root.expires, kRootLifetimeMax);

  if (const TomlValue* table = in.table("root")) {
    TableReader role(*table, "[root]", Errc::bad_root);
    root.root_keys = read_key_ring(role);
    if (Result<void> done = role.finish(unknown); !done) in.fail(std::move(done).error());
  }
  if (const TomlValue* table = in.table("manifest")) {
    TableReader role(*table, "[manifest]", Errc::bad_root);
    root.manifest = read_manifest_role(role);
    if (Result<void> done = role.finish(unknown); !done) in.fail(std::move(done).error());
  }
  check_roles_apart(in, root);
  if (Result<void> done = in.finish(unknown); !done) return std::move(done).error();
  return root;
}

Result<void> check_succession(const RootDocument& before, const RootDocument& after) {
  if (after.version != before.version + 1) {
    return {Errc::bad_root, "root version " + std::to_string(after.version) +
                                " cannot follow version " + std::to_string(before.version)};
  }
  if (after.fleet != before.fleet) {
    return {Errc::wrong_fleet,
            "fleet " + quoted(after.fleet) + " where the trusted root has " + quoted(before.fleet)};
  }
  if (after.issued < before.issued) {
    return {Errc::bad_root, "issued before the root that it follows"};
  }
  if (after.manifest.epoch < before.manifest.epoch) {
    return {Errc::bad_root, "epoch falls from " + std::to_string(before.manifest.epoch) + " to " +
                                std::to_string(after.manifest.epoch)};
  }
  if (after.manifest.epoch == before.manifest.epoch &&
      after.manifest.min_version < before.manifest.min_version) {
    return {Errc::bad_root, "min_version falls from " +
                                std::to_string(before.manifest.min_version) + " to " +
                                std::to_string(after.manifest.min_version) + " within epoch " +
                                std::to_string(after.manifest.epoch)};
  }
  return {};
}

}  // namespace hostspin
