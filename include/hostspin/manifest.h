#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hostspin/host_name.h"
#include "hostspin/ip.h"
#include "hostspin/note.h"
#include "hostspin/result.h"
#include "hostspin/root.h"

namespace hostspin {

inline constexpr std::size_t kServicesMax = 512;
inline constexpr std::size_t kNamesPerServiceMax = 64;
inline constexpr std::size_t kAddressesPerServiceMax = 16;
inline constexpr std::size_t kBlockLinesMax = 1000;

enum class CheckKind { tcp, tls, https, http, grpc, ntp, mysql, unsupported };
[[nodiscard]] std::string_view check_kind_name(CheckKind kind);

/// One way to ask an address whether the service answers. Data, never a command.
struct Check {
  CheckKind kind = CheckKind::unsupported;
  std::string kind_text;               ///< as written, also of an unsupported kind
  std::uint16_t port = 0;              ///< 1–65535; 0 only of an unsupported kind
  std::string server_name;             ///< tls, https, grpc with tls: SNI and name check; never empty there
  std::string ca = "system";           ///< a bundle configured on the host
  int min_days_left = 0;               ///< tls: a warning below it; 0 for none
  std::vector<std::string> spki;       ///< base64 SHA-256 pins; empty for none
  std::string path = "/";              ///< http, https
  std::string host;                    ///< Host header; the service's name by default
  std::vector<int> status;             ///< accepted codes; empty = 200–399
  std::string contains;                ///< a byte string the first 64 KiB must have; empty for none
  std::string grpc_service;            ///< empty = the server as a whole
  bool grpc_tls = false;
  std::string user;                    ///< mysql: who logs in, without a password; never empty there

  /// "https:443/ready": kind, port and path, for a table that tells the options in its own way.
  [[nodiscard]] std::string label() const;
  /// What tells this check from every other of `service`: label() and each option that is not at
  /// its default, as in "https:443/ready host=b.example.com status=200,204". Reports, metrics and
  /// alarms know a check by it. A `contains` or pin too long to show stands as a digest.
  [[nodiscard]] std::string identity(std::string_view service) const;
};

/// What an address stands for; lint warns of `instance`.
enum class ServiceKind { unspecified, vip, anycast, lb, instance };

struct Service {
  HostName name;
  std::vector<HostName> aliases;
  std::vector<IPAddress> addresses;
  std::vector<Check> checks;
  ServiceKind kind = ServiceKind::unspecified;
  std::string description;
  std::string owner;
  std::string runbook;
};

/// A manifest's content; what may reach a hosts file is an AdmittedManifest.
struct Manifest {
  std::string fleet;
  std::int64_t epoch = 1;
  std::int64_t version = 1;
  std::int64_t min_root = 1;
  std::chrono::sys_seconds issued;
  std::chrono::sys_seconds expires;
  std::chrono::minutes rollout{0};  ///< over which a fleet adopts it, host by host
  std::vector<Service> services;
};

/// U7/U8 as far as the document alone decides: TOML, required keys, bounds, names, addresses, no name
/// twice, block of at most kBlockLinesMax lines. One violation refuses the whole. Errc::bad_manifest
/// and the more exact codes.
Result<Manifest> parse_manifest(const VerifiedNote& note, UnknownKeys unknown);
/// The same for the desk, which reads a draft before anybody has signed it; never in a client.
Result<Manifest> parse_manifest_draft(std::string_view text, UnknownKeys unknown);

/// A manifest that a trusted root lets reach /etc/hosts.
class AdmittedManifest {
 public:
  [[nodiscard]] const Manifest& manifest() const { return manifest_; }
  [[nodiscard]] const std::string& note_bytes() const { return bytes_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  /// First 16 hex digits of the text's SHA-256, as in the block's header.
  [[nodiscard]] const std::string& short_digest() const { return short_digest_; }
  [[nodiscard]] const std::vector<VerifierKey>& signers() const { return signers_; }
  [[nodiscard]] bool expired(std::chrono::sys_seconds now) const { return manifest_.expires <= now; }
  /// (epoch, version): what rollback is judged by.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> rank() const {
    return {manifest_.epoch, manifest_.version};
  }

 private:
  friend Result<AdmittedManifest> admit_manifest(std::string_view, const TrustRoot&);
  AdmittedManifest() = default;
  Manifest manifest_;
  std::string bytes_;
  std::string text_;
  std::string short_digest_;
  std::vector<VerifierKey> signers_;
};

/// U5–U8: profile, threshold of the root's manifest keys, content, fleet, epoch, min_version, min_root
/// (Errc::root_withheld), names and networks. Expiry and rollback are judged by judge_offer().
Result<AdmittedManifest> admit_manifest(std::string_view bytes, const TrustRoot& root);

/// The root's constraints alone, for the desk.
Result<void> check_constraints(const Manifest& manifest, const ManifestRole& role);

}  // namespace hostspin
