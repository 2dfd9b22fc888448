#include "public_suffix.h"

#include <algorithm>
#include <array>

#include "desk_files.h"
#include "words.h"

namespace hostspin::desk {
namespace {

inline constexpr std::size_t kListBytesMax = std::size_t{4} << 20U;

/// Top-level names that nobody can register below: RFC 2606, 6761, 6762, 8375 and 9476, ICANN's
/// "internal", and what private networks use beside them.
constexpr std::array<std::string_view, 12> kPrivateTops{
    "alt",         "corp",  "example", "home",    "internal", "intranet",
    "localdomain", "local", "lan",     "private", "test",     "invalid"};

/// What registries put below a country's name: co.uk, com.au, ac.jp, gob.mx.
constexpr std::array<std::string_view, 22> kCountrySeconds{
    "ac", "asn", "co",  "com", "ed", "edu", "go",  "gob", "gouv", "gov", "govt",
    "gv", "id",  "ltd", "mil", "ne", "net", "nhs", "nom", "or",   "org", "plc"};

/// Where clouds let every customer have names.
constexpr std::array<std::string_view, 14> kCloudSuffixes{
    "amazonaws.com", "appspot.com",    "azurewebsites.net", "cloudapp.azure.com",
    "cloudapp.net",  "cloudfront.net", "firebaseapp.com",   "fly.dev",
    "github.io",     "gitlab.io",      "herokuapp.com",     "netlify.app",
    "pages.dev",     "run.app"};

template <typename List>
bool has(const List& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

/// "uk" of "co.uk"; empty for a single label.
std::string_view above(std::string_view domain) {
  const std::size_t dot = domain.find('.');
  return dot == std::string_view::npos ? std::string_view() : domain.substr(dot + 1);
}

}  // namespace

bool is_public_suffix(std::string_view domain) {
  const std::string_view rest = above(domain);
  if (rest.empty()) return !has(kPrivateTops, domain);
  const std::string_view first = domain.substr(0, domain.find('.'));
  const bool is_country = rest.size() == 2 && rest.find('.') == std::string_view::npos;
  return (is_country && has(kCountrySeconds, first)) || has(kCloudSuffixes, domain);
}

bool is_listed_suffix(std::string_view list, std::string_view domain) {
  const std::string exception = "!" + std::string(domain);
  const std::string wildcard = "*." + std::string(above(domain));
  bool listed = false;
  for (const std::string_view line : lines_of(list)) {
    const std::string_view rule = trim(line.substr(0, line.find(' ')));
    if (rule == exception) return false;
    listed = listed || rule == domain || (wildcard.size() > 2 && rule == wildcard);
  }
  return listed;
}

std::string covered_suffix(const NamePattern& pattern, std::string_view list) {
  const std::string_view text = pattern.text();
  if (!text.starts_with("*.")) return {};
  const std::string_view domain = text.substr(2);
  const bool is_public = is_public_suffix(domain) || is_listed_suffix(list, domain);
  return is_public ? std::string(domain) : std::string();
}

std::string read_public_suffixes() {
  const std::string path(kPublicSuffixList);
  if (!exists(path)) return {};
  const Result<std::string> bytes = read_document(path, kListBytesMax);
  return bytes ? *bytes : std::string();
}

}  // namespace hostspin::desk
