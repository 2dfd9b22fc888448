#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/result.h"

namespace hostspin::desk {

inline constexpr std::size_t kImportBytesMax = 64U << 20U;  ///< Terraform states grow large

/// One thing that a source says about a name, as written there.
struct Found {
  std::string name;
  std::string address;                ///< empty for an alias
  std::string target;                 ///< of an alias: the name it stands for
  std::optional<std::uint16_t> port;  ///< a TCP port that answers, if the source knows one
  std::string left_out;               ///< why it must not be pinned, by what the source says of it
};
using FoundList = std::vector<Found>;

/// `terraform output -json`, whole or of one output, which maps names to an address or a list of
/// them; `output` says which one where there are several such. Or `terraform show -json`, or a
/// state file: DNS record resources of any provider with the usual attributes. Errc::usage, as the
/// others, for bytes that are nothing of the kind.
Result<FoundList> read_terraform(std::string_view bytes, const std::string& output);
/// Consul's /v1/catalog/service/NAME, /v1/health/service/NAME or /v1/agent/services; a service is
/// named NAME.`domain`. An instance with a check that does not pass is left out, as ?passing would.
Result<FoundList> read_consul(std::string_view bytes, const std::string& domain);
/// `kubectl get services,ingresses,endpointslices -o json`; a service without the external-dns
/// annotation is named NAME.NAMESPACE.`domain`. Slices give the addresses of services that have
/// none of their own, and of those that are not listed; endpoints that are not ready are left out.
Result<FoundList> read_kubernetes(std::string_view bytes, const std::string& domain);
/// What dig prints: the record lines of its sections.
Result<FoundList> read_dig(std::string_view bytes);
Result<FoundList> read_hosts(std::string_view bytes);

/// A manifest draft, and what could not go into it and why.
struct ImportedDraft {
  std::string text;
  std::size_t services = 0;
  std::vector<std::string> skipped;
};
ImportedDraft write_draft(const FoundList& found, const std::string& fleet,
                          std::chrono::sys_seconds issued, std::chrono::sys_seconds expires);

}  // namespace hostspin::desk
