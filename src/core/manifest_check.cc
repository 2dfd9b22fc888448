#include "manifest_check.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include "hostspin/crypto.h"
#include "table_reader.h"

namespace hostspin {
namespace {

using Kind = TomlValue::Kind;

constexpr std::int64_t kPortMax = 65535;
constexpr std::int64_t kDaysLeftMax = 3650;
constexpr std::int64_t kStatusMin = 100;
constexpr std::int64_t kStatusMax = 599;
constexpr std::size_t kListMax = 16;  // status codes, pins
constexpr std::size_t kPathBytesMax = 1024;
constexpr std::size_t kContainsBytesMax = 256;
constexpr std::size_t kGrpcServiceBytesMax = 200;
constexpr std::size_t kCaBytesMax = 32;
constexpr std::size_t kUserBytesMax = 32;  // the longest that MySQL takes
constexpr std::size_t kPinBytes = 32;
constexpr std::size_t kShownContainsBytes = 40;
constexpr std::size_t kShownPinCharacters = 16;  // 96 bits: nobody makes two that share them
constexpr std::size_t kShownDigestDigits = 16;

constexpr std::array kKnownKinds{CheckKind::tcp,  CheckKind::tls, CheckKind::https, CheckKind::http,
                                 CheckKind::grpc, CheckKind::ntp, CheckKind::mysql};
constexpr std::string_view kDefaultUser = "hostspin";

bool is_alphanumeric(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// Whether `text` has 1 to `bytes_max` bytes, letters and digits or of `others`.
bool is_made_of(std::string_view text, std::string_view others, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return is_alphanumeric(c) || others.find(c) != std::string_view::npos;
         });
}

/// `text` in quotes, with everything but letters, digits, '_' and '-' as \xHH.
std::string escaped_word(std::string_view text) {
  std::string shown = "'";
  for (const char c : text.substr(0, kCaBytesMax)) {
    const std::string byte(1, c);
    shown += is_made_of(byte, "_-", 1) ? byte : "\\x" + to_hex(byte);
  }
  return shown + (text.size() > kCaBytesMax ? "'..." : "'");
}

bool is_path(std::string_view text) {
  return text.starts_with('/') && is_made_of(text, "/._~%?&=+-", kPathBytesMax);
}

bool is_ca_name(std::string_view text) {
  return is_made_of(text, "-", kCaBytesMax) &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_pin(std::string_view text) {
  const Result<std::string> digest = decode_base64(text);
  return digest && digest->size() == kPinBytes;
}

/// A key that holds one value or an array of them; null entries never occur.
std::vector<const TomlValue*> one_or_many(TableReader& in, std::string_view key) {
  std::vector<const TomlValue*> values;
  const TomlValue* value = in.find(key);
  if (value == nullptr) return values;
  if (value->kind != Kind::array) return {value};
  for (const TomlValue& item : in.array(key, kListMax)) values.push_back(&item);
  return values;
}

std::string read_name(TableReader& in, std::string_view key, const HostName& service) {
  const std::optional<std::string> text = in.optional_string(key);
  if (!text) return service.text();
  Result<HostName> name = HostName::parse(*text);
  if (name) return name->text();
  std::string detail(key);
  in.fail(in.line_of(key), detail + ' ' + name.error().detail);
  return {};
}

/// A string that `fits`, or `fallback` where the key is absent.
template <typename Fits>
std::string read_string(TableReader& in, std::string_view key, std::string fallback, Fits fits,
                        std::string_view form) {
  std::optional<std::string> text = in.optional_string(key);
  if (!text) return fallback;
  if (!fits(*text)) {
    std::string detail(key);
    detail += ' ';
    detail += quoted(*text);
    detail += " is not ";
    detail += form;
    in.fail(in.line_of(key), detail);
  }
  return *std::move(text);
}

std::vector<std::string> read_pins(TableReader& in) {
  std::vector<std::string> pins;
  for (const TomlValue* value : one_or_many(in, "spki")) {
    if (value->kind != Kind::string || !is_pin(value->text)) {
      in.fail(value->line, "spki " + quoted(value->text) + " is not the base64 of a SHA-256");
    }
    pins.push_back(value->text);
  }
  return pins;
}

std::vector<int> read_statuses(TableReader& in) {
  std::vector<int> statuses;
  for (const TomlValue* value : one_or_many(in, "status")) {
    if (value->kind != Kind::integer || value->integer < kStatusMin ||
        value->integer > kStatusMax) {
      in.fail(value->line, "'status' must be HTTP status codes, 100 to 599");
      return {};
    }
    statuses.push_back(static_cast<int>(value->integer));
  }
  return statuses;
}

void read_tls(TableReader& in, const HostName& service, Check& check) {
  check.server_name = read_name(in, "server_name", service);
  check.ca = read_string(in, "ca", "system", is_ca_name, "[a-z0-9-]{1,32}");
  check.spki = read_pins(in);
}

void read_http(TableReader& in, const HostName& service, Check& check) {
  check.path = read_string(in, "path", "/", is_path, "a path, /[A-Za-z0-9._~/%?&=+-]*");
  check.host = read_name(in, "host", service);
  check.status = read_statuses(in);
  check.contains = read_string(
      in, "contains", "",
      [](const std::string& text) { return !text.empty() && text.size() <= kContainsBytesMax; },
      "1 to 256 bytes");
}

void read_grpc(TableReader& in, const HostName& service, Check& check) {
  check.grpc_service = read_string(
      in, "service", "",
      [](const std::string& text) {
        return text.empty() || is_made_of(text, "._/-", kGrpcServiceBytesMax);
      },
      "[A-Za-z0-9._/-]{0,200}");
  check.grpc_tls = in.optional_boolean("tls").value_or(false);
  Check tls;  // read either way, so that a bad value is never overlooked
  read_tls(in, service, tls);
  if (check.grpc_tls) check.server_name = tls.server_name;
  check.ca = std::move(tls.ca);
  check.spki = std::move(tls.spki);
}

void read_options(TableReader& in, const HostName& service, Check& check) {
  switch (check.kind) {
    case CheckKind::tcp:
    case CheckKind::ntp:
    case CheckKind::unsupported:
      return;
    case CheckKind::tls:
      read_tls(in, service, check);
      check.min_days_left =
          static_cast<int>(in.optional_integer("min_days_left", 0, kDaysLeftMax).value_or(0));
      return;
    case CheckKind::https:
    case CheckKind::http:
      read_http(in, service, check);
      read_tls(in, service, check);
      if (check.kind == CheckKind::http) check.server_name.clear();
      return;
    case CheckKind::grpc:
      read_grpc(in, service, check);
      return;
    case CheckKind::mysql:
      check.user = read_string(
          in, "user", std::string(kDefaultUser),
          [](const std::string& text) { return is_made_of(text, "._-", kUserBytesMax); },
          "[A-Za-z0-9._-]{1,32}");
      return;
  }
}

/// The kinds that the table names. `tls` beside `grpc` is an option of it.
std::vector<CheckKind> named_kinds(const TableReader& in) {
  std::vector<CheckKind> kinds;
  for (const CheckKind kind : kKnownKinds) {
    if (kind == CheckKind::tls && in.has("grpc")) continue;
    if (in.has(check_kind_name(kind))) kinds.push_back(kind);
  }
  return kinds;
}

Result<Check> read_check(const TomlValue& value, const HostName& service, const std::string& where,
                         UnknownKeys unknown) {
  if (value.kind != Kind::table) {
    return {Errc::bad_manifest, at_place(value.line, where, "'check' must be a table or tables")};
  }
  TableReader in(value, where + ", check", Errc::bad_manifest);
  Check check;
  const std::vector<CheckKind> kinds = named_kinds(in);
  if (kinds.size() > 1) {
    in.fail(value.line, "two kinds in one table, " + quoted(check_kind_name(kinds[0])) + " and " +
                            quoted(check_kind_name(kinds[1])));
  } else if (kinds.size() == 1) {
    check.kind = kinds.front();
    check.kind_text = check_kind_name(check.kind);
    check.port = static_cast<std::uint16_t>(in.integer(check.kind_text, 1, kPortMax));
    read_options(in, service, check);
  } else if (value.entries.empty()) {
    in.fail(value.line, "no kind given");
  } else {
    // A kind of a later version: the verdict is `unsupported`, the manifest stays good.
    check.kind_text = value.entries.front().key;
    for (const CheckKind kind : kKnownKinds) (void)in.find(check_kind_name(kind));  // for the hint
  }
  if (Result<void> done = in.finish(unknown); !done) return std::move(done).error();
  return check;
}

/// The distinct values in order, since a check that lists them otherwise is the same check.
template <typename Value, typename Show>
std::string joined_set(const std::vector<Value>& values, Show show) {
  std::string text;
  for (const Value& value : std::set<Value>(values.begin(), values.end())) {
    text += (text.empty() ? "" : ",") + show(value);
  }
  return text;
}

/// As it is where a label has room for it; two texts never look alike.
std::string shown_contains(const std::string& text) {
  if (text.size() <= kShownContainsBytes) return quoted(text);
  return "sha256:" + to_hex(sha256(text)).substr(0, kShownDigestDigits);
}

}  // namespace

std::string_view check_kind_name(CheckKind kind) {
  switch (kind) {
    case CheckKind::tcp:
      return "tcp";
    case CheckKind::tls:
      return "tls";
    case CheckKind::https:
      return "https";
    case CheckKind::http:
      return "http";
    case CheckKind::grpc:
      return "grpc";
    case CheckKind::ntp:
      return "ntp";
    case CheckKind::mysql:
      return "mysql";
    case CheckKind::unsupported:
      return "unsupported";
  }
  return "unsupported";
}

std::string Check::label() const {
  if (kind == CheckKind::unsupported) {
    // Whatever a later version calls it; it is printed into pages, metrics and monitoring, none of
    // which may find anything of its own in it.
    return is_made_of(kind_text, "_-", kCaBytesMax) ? kind_text : escaped_word(kind_text);
  }
  std::string text(check_kind_name(kind));
  text += ':' + std::to_string(port);
  if (path != "/") text += path;
  if (!grpc_service.empty()) text += '/' + grpc_service;
  return text;
}

std::string Check::identity(std::string_view service) const {
  std::string text = label();
  const auto add = [&text](std::string_view key, std::string_view value) {
    text.append(" ").append(key).append("=").append(value);
  };
  if (grpc_tls) text += " tls";
  if (!server_name.empty() && server_name != service) add("server_name", server_name);
  if (ca != "system") add("ca", ca);
  if (min_days_left != 0) add("min_days_left", std::to_string(min_days_left));
  if (!host.empty() && host != service) add("host", host);
  if (!user.empty() && user != kDefaultUser) add("user", user);
  if (!status.empty())
    add("status", joined_set(status, [](int code) { return std::to_string(code); }));
  if (!contains.empty()) add("contains", shown_contains(contains));
  if (!spki.empty()) {
    add("spki", joined_set(spki, [](const std::string& pin) {
          return pin.substr(0, kShownPinCharacters);
        }));
  }
  return text;
}

Result<std::vector<Check>> read_checks(const TomlValue& value, const HostName& service,
                                       const std::string& where, UnknownKeys unknown) {
  std::vector<Check> checks;
  if (value.kind != Kind::array) {
    Result<Check> check = read_check(value, service, where, unknown);
    if (!check) return std::move(check).error();
    checks.push_back(*std::move(check));
    return checks;
  }
  if (value.items.size() > kChecksPerServiceMax) {
    return {Errc::bad_manifest, at_place(value.line, where, "more than 16 checks")};
  }
  for (const TomlValue& item : value.items) {
    Result<Check> check = read_check(item, service, where, unknown);
    if (!check) return std::move(check).error();
    checks.push_back(*std::move(check));
  }
  return checks;
}

}  // namespace hostspin
