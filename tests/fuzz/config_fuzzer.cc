// hostspin.toml: whatever bytes arrive, reading ends with a value or an error that a terminal can
// show, and what is read is within the limits that hostspin.toml(5) promises.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config.h"

namespace {

using namespace hostspin;

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

void check_source(const Source& source) {
  require(!source.url.empty() && is_printable(source.url));
  require(source.priority >= 0 && source.priority <= 1000);
  require(source.addresses.size() <= kSourceAddressesMax);
  require(source.client_certificate.empty() == source.client_key.empty());
  if (source.kind == Source::Kind::file) {
    require(source.directory.starts_with('/') && source.addresses.empty());
  } else {
    require(!source.addresses.empty());  // nothing is left for a resolver to answer
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size > kConfigBytesMax) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  Config config;
  const Result<void> read = read_config_text("hostspin.toml", text, config);
  if (!read) {
    require(read.error().code == Errc::bad_config);
    require(!read.error().detail.empty() && is_printable(read.error().detail));
    require(is_printable(read.error().hint));
    return 0;
  }
  require(config.sources.size() <= kSourcesMax);
  for (const Source& source : config.sources) check_source(source);
  require(config.refresh_interval >= std::chrono::seconds(1));
  require(config.refresh_deadline <= std::chrono::seconds(120));
  require(config.hosts_path.starts_with('/') && is_printable(config.hosts_path));
  for (const auto& [name, path] : config.tls_ca) {
    require(!name.empty() && name != "system" && path.starts_with('/'));
  }
  return 0;
}
