#include "hostspin/worker_lines.h"

#include <algorithm>
#include <limits>

#include "hostspin/crypto.h"
#include "worker_lines_json.h"

// The parent's half of hostspin-net's protocol.
namespace hostspin {
namespace {

using worker_lines::json;
using worker_lines::LineWriter;
using worker_lines::Members;
using worker_lines::Need;

constexpr int kProtocolVersion = 2;
constexpr std::size_t kUrlBytesMax = 2048;
constexpr std::size_t kBundlesMax = 64;
constexpr std::size_t kBundleNameBytesMax = 32;
constexpr std::size_t kPinsMax = 16;
constexpr std::size_t kPinBytesMax = 44;  // base64 of a SHA-256
constexpr std::size_t kCredentialBytesMax = 64U << 10U;
constexpr std::size_t kProxyBytesMax = 64;
constexpr std::size_t kEtagBytesMax = 256;
constexpr std::size_t kRegionBytesMax = 32;
constexpr int kPriorityMax = 1000000;
constexpr std::size_t kNameBytesMax = 253;
constexpr std::size_t kPathBytesMax = 2048;
constexpr std::size_t kContainsBytesMax = 4096;
constexpr std::size_t kStatusesMax = 500;
constexpr std::size_t kUserBytesMax = 64;
constexpr std::size_t kKindBytesMax = 64;

void put(LineWriter& line, std::string_view key, const std::string& text) {
  if (!text.empty()) line.text(key, text);
}

void read_pins(Members& members, const char* key, std::vector<std::string>& out) {
  members.texts(key, kPinsMax, kPinBytesMax, out);
  for (const std::string& pin : out) {
    const Result<std::string> digest = decode_base64(pin);
    if (!digest || digest->size() != std::tuple_size_v<Sha256>) {
      return members.refuse(key, "has an entry that is not the base64 of a SHA-256");
    }
  }
}

bool is_bundle_name(std::string_view name) {
  return !name.empty() && name.size() <= kBundleNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

void read_bundle_name(Members& members, std::string& out) {
  members.printable_text("ca", Need::optional, kBundleNameBytesMax, out);
  if (!is_bundle_name(out)) members.refuse("ca", "is not the name of a bundle");
}

std::optional<IPAddress> read_address(Members& members, Need need) {
  std::string text;
  members.printable_text("address", need, 64, text);
  if (text.empty()) return std::nullopt;
  Result<IPAddress> address = IPAddress::parse(text);
  if (!address) {
    members.refuse("address", "is not an IP address in its canonical form");
    return std::nullopt;
  }
  return *address;
}

void put(LineWriter& line, const Check& check) {
  line.object("check");
  line.text("kind", check.kind == CheckKind::unsupported
                        ? worker_lines::printable(check.kind_text, kKindBytesMax)
                        : std::string(check_kind_name(check.kind)));
  line.integer("port", check.port);
  put(line, "server_name", check.server_name);
  put(line, "ca", check.ca);
  if (check.min_days_left != 0) line.integer("min_days_left", check.min_days_left);
  if (!check.spki.empty()) line.texts("spki", check.spki);
  put(line, "path", check.path);
  put(line, "host", check.host);
  if (!check.status.empty()) line.integers("status", check.status);
  put(line, "contains", check.contains);
  put(line, "grpc_service", check.grpc_service);
  if (check.grpc_tls) line.boolean("grpc_tls", true);
  put(line, "user", check.user);
  line.end();
}

CheckKind kind_from_name(std::string_view name) {
  for (const CheckKind kind : {CheckKind::tcp, CheckKind::tls, CheckKind::https, CheckKind::http,
                               CheckKind::grpc, CheckKind::ntp, CheckKind::mysql}) {
    if (check_kind_name(kind) == name) return kind;
  }
  return CheckKind::unsupported;
}

Result<Check> check_from_json(const json& object) {
  Check check;
  Members members(object, "probe.check");
  members.printable_text("kind", Need::required, kKindBytesMax, check.kind_text);
  check.kind = kind_from_name(check.kind_text);
  members.integer<std::uint16_t>("port", Need::required, 0, 65535, check.port);
  members.printable_text("server_name", Need::optional, kNameBytesMax, check.server_name);
  read_bundle_name(members, check.ca);
  members.integer<int>("min_days_left", Need::optional, 0, 100000, check.min_days_left);
  read_pins(members, "spki", check.spki);
  members.printable_text("path", Need::optional, kPathBytesMax, check.path);
  members.printable_text("host", Need::optional, kNameBytesMax, check.host);
  if (const json* status = members.take("status", Need::optional); status != nullptr) {
    if (!status->is_array() || status->size() > kStatusesMax) {
      members.refuse("status", "is not a list of status codes");
    } else {
      for (const json& code : *status) {
        const auto* value = code.get_ptr<const json::number_unsigned_t*>();
        if (value == nullptr || *value < 100 || *value > 599) {
          members.refuse("status", "has an entry that is not from 100 to 599");
          break;
        }
        check.status.push_back(static_cast<int>(*value));
      }
    }
  }
  members.text("contains", Need::optional, kContainsBytesMax, check.contains);
  members.printable_text("grpc_service", Need::optional, kNameBytesMax, check.grpc_service);
  members.boolean("grpc_tls", Need::optional, check.grpc_tls);
  members.printable_text("user", Need::optional, kUserBytesMax, check.user);
  if (check.kind != CheckKind::unsupported && check.port == 0) {
    members.refuse("port", "is not from 1 to 65535");
  }
  if (!check.path.starts_with('/')) members.refuse("path", "does not start with a slash");
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  return check;
}

Result<SessionStart> start_from_json(const json& object) {
  SessionStart start;
  Members members(object, "start");
  int version = 0;
  members.integer<int>("hostspin-net", Need::required, kProtocolVersion, kProtocolVersion, version);
  members.milliseconds("deadline_ms", Need::required, 1, start.deadline);
  members.milliseconds("tcp_limit_ms", Need::optional, 1, start.tcp_limit);
  members.milliseconds("handshake_limit_ms", Need::optional, 1, start.handshake_limit);
  members.integer<std::int64_t>("tls_not_before", Need::optional, 0, 253402300799,  // year 9999
                                start.tls_not_before);
  if (const json* bundles = members.take("ca_bundles", Need::optional); bundles != nullptr) {
    if (!bundles->is_object() || bundles->size() > kBundlesMax) {
      members.refuse("ca_bundles", "is not an object of few bundles");
    } else {
      for (const auto& [name, pem] : bundles->items()) {
        if (!is_bundle_name(name) || !pem.is_string()) {
          members.refuse("ca_bundles", "has an entry that is not a name and its PEM text");
          break;
        }
        start.ca_bundles.emplace(name, pem.get_ref<const std::string&>());
      }
    }
  }
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  return start;
}

Result<FetchRequest> fetch_from_json(const json& object) {
  FetchRequest request;
  Members members(object, "fetch");
  members.id(request.id);
  members.integer<std::uint16_t>("source", Need::required, 0,
                                 std::numeric_limits<std::uint16_t>::max(), request.source);
  members.boolean("at_once", Need::optional, request.at_once);
  members.printable_text("url", Need::required, kUrlBytesMax, request.url);
  request.address = read_address(members, Need::optional);
  members.integer<int>("priority", Need::optional, -kPriorityMax, kPriorityMax, request.priority);
  members.integer<std::size_t>("body_bytes_max", Need::optional, 1, kManifestNoteBytesMax,
                               request.body_bytes_max);
  read_bundle_name(members, request.ca);
  read_pins(members, "pins", request.pins);
  members.text("client_certificate", Need::optional, kCredentialBytesMax,
               request.client_certificate);
  members.text("client_key", Need::optional, kCredentialBytesMax, request.client_key);
  members.printable_text("proxy", Need::optional, kProxyBytesMax, request.proxy);
  members.printable_text("etag", Need::optional, kEtagBytesMax, request.etag);
  members.printable_text("s3_region", Need::optional, kRegionBytesMax, request.s3_region);
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  return request;
}

Result<ProbeRequest> probe_from_json(const json& object) {
  Members members(object, "probe");
  std::uint32_t id = 0;
  members.id(id);
  const std::optional<IPAddress> address = read_address(members, Need::required);
  bool explain = false;
  members.boolean("explain", Need::optional, explain);
  const json* check_object = members.take("check", Need::required);
  if (!address) members.refuse("address", "is missing");
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  Result<Check> check = check_from_json(*check_object);
  if (!check) return std::move(check).error();
  return ProbeRequest{id, *address, *std::move(check), explain};
}

}  // namespace

std::string encode(const SessionStart& start) {
  LineWriter line;
  line.integer("hostspin-net", kProtocolVersion);
  line.integer("deadline_ms", start.deadline.count());
  line.integer("tcp_limit_ms", start.tcp_limit.count());
  line.integer("handshake_limit_ms", start.handshake_limit.count());
  line.integer("tls_not_before", start.tls_not_before);
  line.object("ca_bundles");
  for (const auto& [name, pem] : start.ca_bundles) line.text(name, pem);
  return std::move(line).line();
}

std::string encode(const FetchRequest& request) {
  LineWriter line;
  line.object("fetch");
  line.integer("id", request.id);
  line.integer("source", request.source);
  if (request.at_once) line.boolean("at_once", true);
  line.text("url", request.url);
  if (request.address) line.text("address", request.address->to_string());
  if (request.priority != 0) line.integer("priority", request.priority);
  line.integer("body_bytes_max", static_cast<std::int64_t>(request.body_bytes_max));
  put(line, "ca", request.ca);
  if (!request.pins.empty()) line.texts("pins", request.pins);
  put(line, "client_certificate", request.client_certificate);
  put(line, "client_key", request.client_key);
  put(line, "proxy", request.proxy);
  put(line, "etag", request.etag);
  put(line, "s3_region", request.s3_region);
  return std::move(line).line();
}

std::string encode(const ProbeRequest& request) {
  LineWriter line;
  line.object("probe");
  line.integer("id", request.id);
  line.text("address", request.address.to_string());
  put(line, request.check);
  if (request.explain) line.boolean("explain", true);
  return std::move(line).line();
}

Result<NetRequest> decode_net_request(std::string_view line) {
  Result<json> object = worker_lines::parse_line(line, kRequestLineBytesMax);
  if (!object) return std::move(object).error();
  NetRequest request;
  if (object->contains("hostspin-net")) {
    Result<SessionStart> start = start_from_json(*object);
    if (!start) return std::move(start).error();
    request.start = *std::move(start);
    return request;
  }
  Members members(*object, "request");
  const json* fetch_object = members.take("fetch", Need::optional);
  const json* probe_object = members.take("probe", Need::optional);
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  if ((fetch_object == nullptr) == (probe_object == nullptr)) {
    return {Errc::worker_failed, "a request is neither one fetch nor one probe"};
  }
  if (fetch_object != nullptr) {
    Result<FetchRequest> fetch = fetch_from_json(*fetch_object);
    if (!fetch) return std::move(fetch).error();
    request.fetch = *std::move(fetch);
    return request;
  }
  Result<ProbeRequest> probe = probe_from_json(*probe_object);
  if (!probe) return std::move(probe).error();
  request.probe = *std::move(probe);
  return request;
}

}  // namespace hostspin
