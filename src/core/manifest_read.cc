#include "manifest_read.h"

#include <algorithm>
#include <map>
#include <set>

#include "hostspin/hosts_file.h"
#include "manifest_check.h"
#include "note_text.h"
#include "table_reader.h"

namespace hostspin {
namespace {

using Kind = TomlValue::Kind;

constexpr std::chrono::days kManifestLifetimeMax{400};
constexpr std::int64_t kRolloutMinutesMax = 1440;
constexpr std::size_t kPeopleTextBytesMax = 200;
constexpr std::string_view kContentHint = "no signature lifts this rule: correct the manifest";

/// What BEGIN and END lines take at most: two markers, a fleet of 64 and numbers of 16 digits.
constexpr std::size_t kBlockFrameBytesMax = 256;

/// Where every name of the manifest was given first, and how large the block is so far.
struct Totals {
  std::map<HostName, std::string> owners;
  std::size_t block_lines = 0;
  std::size_t block_bytes = kBlockFrameBytesMax;
};

/// Counts the service's part of the block: a line for every name and address, "ADDRESS\tNAME\n".
void count_block(const Service& service, Totals& totals) {
  std::size_t name_bytes = service.name.text().size();
  for (const HostName& alias : service.aliases) name_bytes += alias.text().size();
  const std::size_t names = 1 + service.aliases.size();
  for (const IPAddress& address : service.addresses) {
    totals.block_lines += names;
    totals.block_bytes += names * (address.to_string().size() + 2) + name_bytes;
  }
}

/// Everything above the services.
Manifest read_head(TableReader& in) {
  Manifest manifest;
  (void)in.string("format");  // its line has been compared byte for byte
  manifest.fleet = read_fleet(in);
  manifest.epoch = in.integer("epoch", 1);
  manifest.version = in.integer("version", 1);
  manifest.min_root = in.integer("min_root", 1);
  manifest.issued = in.time("issued");
  manifest.expires = in.time("expires");
  manifest.rollout =
      std::chrono::minutes(in.optional_integer("rollout", 0, kRolloutMinutesMax).value_or(0));
  check_lifetime(in, manifest.issued, manifest.expires, kManifestLifetimeMax);
  return manifest;
}

/// U7, in its order.
Result<void> check_head(const Manifest& manifest, const RootDocument& root) {
  if (manifest.fleet != root.fleet) {
    return {Errc::wrong_fleet, "the manifest is for fleet " + quoted(manifest.fleet) +
                                   ", the trusted root for " + quoted(root.fleet)};
  }
  if (manifest.epoch != root.manifest.epoch) {
    Error error{Errc::wrong_epoch, "the manifest's epoch is " + std::to_string(manifest.epoch) +
                                       ", the trusted root's " +
                                       std::to_string(root.manifest.epoch)};
    if (manifest.epoch > root.manifest.epoch) {
      error.hint = "the root that opens epoch " + std::to_string(manifest.epoch) +
                   " is withheld or not published";
    }
    return error;
  }
  if (manifest.version < root.manifest.min_version) {
    return {Errc::rollback, "manifest version " + std::to_string(manifest.version) +
                                " is older than the trusted root's min_version " +
                                std::to_string(root.manifest.min_version)};
  }
  if (manifest.min_root > root.version) {
    return {Errc::root_withheld, "the manifest needs root " + std::to_string(manifest.min_root) +
                                     ", the newest to be had is " + std::to_string(root.version)};
  }
  return {};
}

/// `error` with what its value is for in front: "name 'A.example' is not a host name: …".
Error for_key(std::string_view key, Error error) {
  std::string detail(key);
  detail += ' ';
  detail += error.detail;
  error.detail = std::move(detail);
  return error;
}

Result<HostName> read_host_name(std::string_view key, const TomlValue& value) {
  if (value.kind != Kind::string) {
    return for_key(key, {Errc::bad_manifest, "must be a string"});
  }
  Result<HostName> name = HostName::parse(value.text);
  if (!name) return for_key(key, std::move(name).error());
  if (is_reserved(*name)) {
    return for_key(key,
                   {Errc::bad_manifest,
                    quoted(value.text) + " is a name of the machine itself and may never be pinned",
                    std::string(kContentHint)});
  }
  return name;
}

Result<IPAddress> read_address(const TomlValue& value) {
  if (value.kind != Kind::string) return {Errc::bad_manifest, "an address must be a string"};
  Result<IPAddress> address = IPAddress::parse(value.text);
  if (!address) return for_key("address", std::move(address).error());
  if (is_forbidden(*address)) {
    return {Errc::bad_manifest,
            "address " + quoted(value.text) +
                " may never be pinned (loopback, link-local, multicast or a metadata service)",
            std::string(kContentHint)};
  }
  return address;
}

std::vector<HostName> read_aliases(TableReader& in) {
  std::vector<HostName> aliases;
  const TomlValue* value = in.find("aliases");
  if (value == nullptr) return aliases;
  if (value->kind != Kind::array) {
    in.fail(value->line, "'aliases' must be an array");
    return aliases;
  }
  if (value->items.size() >= kNamesPerServiceMax) {
    in.fail(value->line, "more than 64 names");
    return aliases;
  }
  for (const TomlValue& item : value->items) {
    Result<HostName> alias = read_host_name("alias", item);
    if (alias) {
      aliases.push_back(*std::move(alias));
    } else {
      in.fail(item.line, alias.error());
    }
  }
  return aliases;
}

std::vector<IPAddress> read_addresses(TableReader& in) {
  std::vector<IPAddress> addresses;
  for (const TomlValue& item : in.array("addresses", kAddressesPerServiceMax)) {
    Result<IPAddress> address = read_address(item);
    if (!address) {
      in.fail(item.line, address.error());
    } else if (std::find(addresses.begin(), addresses.end(), *address) != addresses.end()) {
      in.fail(item.line, "address " + quoted(item.text) + " is given twice");
    } else {
      addresses.push_back(*address);
    }
  }
  return addresses;
}

std::string read_people_text(TableReader& in, std::string_view key) {
  std::string text = in.optional_string(key).value_or("");
  if (text.size() > kPeopleTextBytesMax) {
    in.fail(in.line_of(key), quoted(key) + " is longer than 200 bytes");
  }
  return text;
}

ServiceKind read_service_kind(TableReader& in) {
  const std::optional<std::string> text = in.optional_string("kind");
  if (!text) return ServiceKind::unspecified;
  if (*text == "vip") return ServiceKind::vip;
  if (*text == "anycast") return ServiceKind::anycast;
  if (*text == "lb") return ServiceKind::lb;
  if (*text == "instance") return ServiceKind::instance;
  in.fail(in.line_of("kind"), "kind " + quoted(*text) + " is not vip, anycast, lb or instance");
  return ServiceKind::unspecified;
}

/// A name stands once in the whole manifest: two services that both give it would have to be
/// merged.
void claim_name(TableReader& in, const HostName& name, std::string_view key,
                const std::string& where, Totals& totals) {
  const auto [owner, fresh] = totals.owners.emplace(name, where);
  if (fresh) return;
  in.fail(in.line_of(key), "name " + quoted(name.text()) + " is already given by " + owner->second);
}

Result<Service> read_service(const TomlValue& value, std::size_t number, UnknownKeys unknown,
                             Totals& totals) {
  std::string where = "service " + std::to_string(number);
  if (value.kind != Kind::table) {
    return {Errc::bad_manifest, at_place(value.line, where, "it must be a table, [[service]]")};
  }
  TableReader in(value, where, Errc::bad_manifest);
  const std::string name_text = in.string("name");
  if (in.failed()) return in.finish(unknown).error();
  where += " (" + quoted(name_text) + ")";
  in.set_where(where);
  Result<HostName> name = read_host_name("name", *in.find("name"));
  if (!name) {
    in.fail(in.line_of("name"), name.error());
    return in.finish(unknown).error();
  }

  Service service{*std::move(name), {}, {}, {}, ServiceKind::unspecified, {}, {}, {}};
  claim_name(in, service.name, "name", where, totals);
  service.aliases = read_aliases(in);
  for (const HostName& alias : service.aliases) claim_name(in, alias, "aliases", where, totals);
  service.addresses = read_addresses(in);
  count_block(service, totals);
  if (const TomlValue* check = in.find("check")) {
    Result<std::vector<Check>> checks = read_checks(*check, service.name, where, unknown);
    if (checks) {
      service.checks = *std::move(checks);
    } else {
      in.fail(std::move(checks).error());
    }
  }
  service.kind = read_service_kind(in);
  service.description = read_people_text(in, "description");
  service.owner = read_people_text(in, "owner");
  service.runbook = read_people_text(in, "runbook");
  if (Result<void> done = in.finish(unknown); !done) return std::move(done).error();
  return service;
}

}  // namespace

Result<Manifest> read_manifest(std::string_view text, UnknownKeys unknown,
                               const RootDocument* root) {
  if (Result<void> profile = check_document_text(text, DocumentKind::manifest); !profile) {
    return std::move(profile).error();
  }
  const Result<TomlValue> toml = read_toml(text, Errc::bad_manifest);
  if (!toml) return toml.error();

  TableReader in(*toml, "", Errc::bad_manifest);
  Manifest manifest = read_head(in);
  const std::vector<TomlValue>& services = in.array("service", kServicesMax);
  if (Result<void> head = in.finish(unknown); !head) return std::move(head).error();
  if (root != nullptr) {
    if (Result<void> fits = check_head(manifest, *root); !fits) return std::move(fits).error();
  }

  Totals totals;
  for (const TomlValue& value : services) {
    Result<Service> service = read_service(value, manifest.services.size() + 1, unknown, totals);
    if (!service) return std::move(service).error();
    manifest.services.push_back(*std::move(service));
  }
  if (totals.block_lines > kBlockLinesMax) {
    return {Errc::block_too_large, "the block would have " + std::to_string(totals.block_lines) +
                                       " lines, at most 1000 are written"};
  }
  // Also where a host's own name would be left out: a manifest is good on every host or on none.
  if (totals.block_bytes > kBlockBytesMax) {
    return {Errc::block_too_large, "the block would have " + std::to_string(totals.block_bytes) +
                                       " bytes, at most 65536 are written"};
  }
  return manifest;
}

}  // namespace hostspin
