#include "hostspin/manifest.h"

#include <algorithm>

#include "manifest_read.h"

namespace hostspin {
namespace {

constexpr std::size_t kShortDigestDigits = 16;

std::string describe(const Service& service) { return "service " + quoted(service.name.text()); }

Result<void> check_name(const HostName& name, const Service& service, const ManifestRole& role) {
  const bool allowed = std::any_of(role.names.begin(), role.names.end(),
                                   [&](const auto& pattern) { return pattern.matches(name); });
  if (allowed) return {};
  return {Errc::name_not_allowed,
          describe(service) + ": name " + quoted(name.text()) + " is outside the root's names"};
}

Result<void> check_address(const IPAddress& address, const Service& service,
                           const ManifestRole& role) {
  const bool allowed = std::any_of(role.networks.begin(), role.networks.end(),
                                   [&](const auto& network) { return network.contains(address); });
  if (allowed) return {};
  return {Errc::address_not_allowed, describe(service) + ": address " +
                                         quoted(address.to_string()) +
                                         " is outside the root's networks"};
}

}  // namespace

Result<Manifest> parse_manifest(const VerifiedNote& note, UnknownKeys unknown) {
  return read_manifest(note.text(), unknown, nullptr);
}

Result<Manifest> parse_manifest_draft(std::string_view text, UnknownKeys unknown) {
  return read_manifest(text, unknown, nullptr);
}

Result<AdmittedManifest> admit_manifest(std::string_view bytes, const TrustRoot& root) {
  const RootDocument& document = root.document();
  Result<VerifiedNote> note = open_note(bytes, DocumentKind::manifest, document.manifest.keys);
  if (!note) return std::move(note).error();
  Result<Manifest> manifest = read_manifest(note->text(), UnknownKeys::ignore, &document);
  if (!manifest) return std::move(manifest).error();
  if (Result<void> allowed = check_constraints(*manifest, document.manifest); !allowed) {
    return std::move(allowed).error();
  }

  AdmittedManifest admitted;
  admitted.manifest_ = *std::move(manifest);
  admitted.bytes_ = note->bytes();
  admitted.text_ = note->text();
  admitted.short_digest_ = to_hex(sha256(note->text())).substr(0, kShortDigestDigits);
  admitted.signers_ = note->signers();
  return admitted;
}

Result<void> check_constraints(const Manifest& manifest, const ManifestRole& role) {
  for (const Service& service : manifest.services) {
    if (Result<void> name = check_name(service.name, service, role); !name) return name;
    for (const HostName& alias : service.aliases) {
      if (Result<void> name = check_name(alias, service, role); !name) return name;
    }
    for (const IPAddress& address : service.addresses) {
      if (Result<void> inside = check_address(address, service, role); !inside) return inside;
    }
  }
  return {};
}

}  // namespace hostspin
