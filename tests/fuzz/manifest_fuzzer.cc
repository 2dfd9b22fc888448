// Manifest texts, given as a whole note or as the text alone: whatever they say, reading ends with
// a value or an error, and what is read may stand in a hosts file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string_view>

#include "hostspin/manifest.h"

namespace {

using namespace hostspin;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_name(const HostName& name, std::set<HostName>& names) {
  require(HostName::parse(name.text()) && !is_reserved(name));
  require(names.insert(name).second);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const Result<SplitNote> note = split_note(input, DocumentKind::manifest);
  const std::string_view text = note ? std::string_view(note->text) : input;
  const Result<Manifest> manifest = parse_manifest_draft(text, UnknownKeys::ignore);
  if (!manifest) {
    require(!parse_manifest_draft(text, UnknownKeys::refuse));
    return 0;
  }
  require(!manifest->services.empty() && manifest->services.size() <= kServicesMax);
  std::set<HostName> names;
  std::size_t lines = 0;
  for (const Service& service : manifest->services) {
    check_name(service.name, names);
    for (const HostName& alias : service.aliases) check_name(alias, names);
    require(!service.addresses.empty() && service.addresses.size() <= kAddressesPerServiceMax);
    for (const IPAddress& address : service.addresses) {
      require(IPAddress::parse(address.to_string()) && !is_forbidden(address));
    }
    for (const Check& check : service.checks) {
      require((check.port == 0) == (check.kind == CheckKind::unsupported));
      require(!check.label().empty());
    }
    lines += (1 + service.aliases.size()) * service.addresses.size();
  }
  require(lines <= kBlockLinesMax);
  return 0;
}
