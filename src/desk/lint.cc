#include "lint.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "hostspin/time_text.h"
#include "public_suffix.h"
#include "rules.h"
#include "words.h"

namespace hostspin::desk {
namespace {

using std::chrono::days;
using std::chrono::hours;

// Hosts ask every five minutes; a manifest that does not outlive a long weekend's outage of its
// sources turns a small trouble into an alarm on every host.
inline constexpr days kManifestLifetimeMin{4};
// Until it expires, whoever can hold hosts back from newer ones keeps them on this one.
inline constexpr days kManifestLifetimeMax{100};
inline constexpr days kManifestExpiresSoon{3};
inline constexpr days kRootExpiresSoon{60};  // the alert that hosts raise, see hostspin(8)

class Findings {
 public:
  void warn(std::string code, std::string service, std::string reason) {
    list_.push_back(
        {Finding::Level::warning, std::move(code), std::move(service), std::move(reason)});
  }
  void fail(std::string code, std::string reason) {
    list_.push_back({Finding::Level::error, std::move(code), "", std::move(reason)});
  }
  void note(std::string code, std::string reason) {
    list_.push_back({Finding::Level::note, std::move(code), "", std::move(reason)});
  }
  std::vector<Finding> take() { return std::move(list_); }

 private:
  std::vector<Finding> list_;
};

std::string_view color_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::error:
      return "31";
    case Finding::Level::warning:
      return "33";
    case Finding::Level::note:
      return "36";
  }
  return "";
}

/// Whether the port is one of MySQL's, MariaDB's or their routers', which count what connects and
/// goes without a login, and the check does that.
bool breaks_logins(const Check& check) {
  constexpr std::array<std::uint16_t, 6> kPorts{3306, 3307, 4006, 6446, 6447, 33060};
  return check.kind != CheckKind::mysql && check.kind != CheckKind::ntp &&
         check.kind != CheckKind::unsupported &&
         std::find(kPorts.begin(), kPorts.end(), check.port) != kPorts.end();
}

void lint_service(Findings& findings, const Service& service) {
  const std::string& name = service.name.text();
  if (service.checks.empty()) {
    findings.warn("no-check", name,
                  "no check is given: 'hostspin verify' can say only that it is pinned");
  }
  for (const Check& check : service.checks) {
    if (breaks_logins(check)) {
      findings.warn("broken-logins", name,
                    "check " + check.label() +
                        " never logs in: a MySQL or MariaDB server blocks the hosts that do so 100 "
                        "times (error 1129); a mysql check does log in");
    }
    if (check.kind != CheckKind::unsupported) continue;
    findings.warn("unsupported-check", name,
                  "check " + check.label() + " is unknown here: clients of this version skip it");
  }
  if (service.kind == ServiceKind::instance && service.addresses.size() == 1) {
    findings.warn("single-instance", name,
                  "one instance and no other: when it is replaced, the pin points to nothing");
  }
}

/// Two services that share an address and have different addresses: c-ares merges the lines of a
/// hosts file that have an address in common, and gives each name the other's addresses too.
void lint_shared(Findings& findings, const Manifest& manifest) {
  std::map<IPAddress, std::vector<const Service*>> users;
  for (const Service& service : manifest.services) {
    for (const IPAddress& address : service.addresses) users[address].push_back(&service);
  }
  std::set<std::pair<const Service*, const Service*>> told;
  for (const auto& [address, services] : users) {
    for (const Service* other : services) {
      const Service* first = services.front();
      const bool several = first->addresses.size() > 1 || other->addresses.size() > 1;
      const std::set<IPAddress> one(first->addresses.begin(), first->addresses.end());
      const std::set<IPAddress> two(other->addresses.begin(), other->addresses.end());
      if (!several || one == two || !told.emplace(first, other).second) continue;
      findings.warn("shared-address", other->name.text(),
                    "shares " + address.to_string() + " with " + first->name.text() +
                        ", and one of them has more: readers built on c-ares give each the other's "
                        "addresses");
    }
  }
}

std::size_t names_in(const Manifest& manifest) {
  std::size_t count = 0;
  for (const Service& service : manifest.services) count += 1 + service.aliases.size();
  return count;
}

void lint_times(Findings& findings, const Manifest& manifest, std::chrono::sys_seconds now) {
  const auto lifetime = manifest.expires - manifest.issued;
  if (lifetime < kManifestLifetimeMin) {
    findings.warn("lifetime-short", "",
                  "it lives for " + format_span(lifetime) +
                      ": an outage of the sources that long raises an alarm on every host");
  }
  if (lifetime > kManifestLifetimeMax) {
    findings.warn("lifetime-long", "",
                  "it lives for " + format_span(lifetime) +
                      ": whoever keeps newer ones from a host can hold it on this one as long");
  }
  if (manifest.issued > now) {
    findings.warn("issued-ahead", "", "issued lies in the future: " + format_utc(manifest.issued));
  }
  if (manifest.expires > now && manifest.expires - now < kManifestExpiresSoon) {
    findings.warn("expires-soon", "", "it expires in " + format_span(manifest.expires - now));
  }
}

bool is_pinned(const Manifest& manifest, const std::string& host) {
  return std::any_of(
      manifest.services.begin(), manifest.services.end(), [&](const Service& service) {
        return service.name.text() == host ||
               std::any_of(service.aliases.begin(), service.aliases.end(),
                           [&](const HostName& alias) { return alias.text() == host; });
      });
}

void lint_ring(Findings& findings, const std::string& role, const KeyRing& ring) {
  const auto usable = std::count_if(ring.keys.begin(), ring.keys.end(),
                                    [](const VerifierKey& key) { return !key.is_opaque(); });
  if (ring.threshold == usable) {
    findings.warn("no-spare-key", "",
                  "all " + std::to_string(usable) + " " + role +
                      " keys must sign: if one is lost, nothing can be signed any more");
  }
  if (ring.threshold == 1) {
    findings.note("single-signer", "one stolen " + role + " key is enough to sign");
  }
}

/// A signer of such a root could send a fleet to anybody's names.
void lint_suffixes(Findings& findings, const RootDocument& root) {
  const std::string list = read_public_suffixes();
  for (const NamePattern& pattern : root.manifest.names) {
    const std::string suffix = covered_suffix(pattern, list);
    if (suffix.empty()) continue;
    findings.fail("public-suffix", "the name pattern " + pattern.text() + " covers all of " +
                                       suffix + ", where anybody can register names");
  }
}

void lint_published(Findings& findings, const RootDocument& root, const RootLintContext& context) {
  if (context.published == nullptr) {
    if (context.before == nullptr || context.nothing_published) return;
    findings.warn("not-compared", "",
                  "no published manifest is known, so nothing is said of whether it holds under "
                  "this root: give --published NOTE");
    return;
  }
  const std::optional<Error> why = dropped_by(root, *context.published);
  if (!why) return;
  std::string reason = "the published manifest (" + context.published->describe() +
                       ") does not hold under this root: " + why->detail;
  if (context.before != nullptr) {
    const std::vector<std::string> lost =
        lost_signers(context.before->manifest.keys, root, *context.published);
    if (!lost.empty()) reason += "; " + join(lost, ", ") + " signed it and is taken out";
  }
  findings.warn("drops-published", "",
                reason +
                    ". Every host goes critical unless a manifest signed under this root is "
                    "published with it");
}

/// Steps that `root next` would not make, of a root that somebody wrote by hand.
void lint_succession(Findings& findings, const RootDocument& root, const RootLintContext& context) {
  if (context.before == nullptr) return;
  const ManifestRole& before = context.before->manifest;
  const ManifestRole& now = root.manifest;
  if (now.epoch > before.epoch + 1) {
    findings.warn("epoch-jump", "",
                  "the epoch jumps from " + std::to_string(before.epoch) + " to " +
                      std::to_string(now.epoch) +
                      ": no root can ever lower it, and one more is "
                      "enough");
  }
  const bool is_new_epoch = now.epoch > before.epoch;
  std::int64_t known = is_new_epoch ? 1 : before.min_version;
  if (!is_new_epoch && context.published != nullptr &&
      context.published->manifest.epoch == now.epoch) {
    known = std::max(known, context.published->manifest.version);
  }
  if (now.min_version - known > kVersionJumpMax) {
    findings.warn("version-jump", "",
                  "min_version jumps from " + std::to_string(known) + " to " +
                      std::to_string(now.min_version) +
                      ": no host takes a lower version again, short of another epoch");
  }
  const std::vector<std::string> gone = keys_taken_out(before.keys, now.keys);
  if (is_new_epoch || gone.empty()) return;
  const std::string what =
      join(gone, ", ") + " is taken out and the epoch stays " + std::to_string(now.epoch) + ": ";
  // As 'root next --same-epoch' makes it: whatever was signed before lies below.
  const bool is_bounded =
      context.published != nullptr && now.min_version >= context.published->manifest.version;
  if (is_bounded) {
    findings.note("key-taken-out",
                  what + "min_version " + std::to_string(now.min_version) +
                      " bounds what a host takes; 'root next' without --same-epoch opens the next "
                      "epoch");
    return;
  }
  findings.warn("key-taken-out", "",
                what +
                    "a host that has what this key helped to sign, in a high version, takes "
                    "nothing lower: open the next epoch, as 'root next' does");
}

void lint_version(Findings& findings, const Manifest& before, const Manifest& after) {
  if (after.epoch != before.epoch || after.version <= before.version + kVersionJumpMax) return;
  findings.warn("version-jump", "",
                "the version jumps from " + std::to_string(before.version) + " to " +
                    std::to_string(after.version) +
                    ": no host takes a lower one again, short of a root with another epoch");
}

}  // namespace

std::string_view level_name(Finding::Level level) {
  switch (level) {
    case Finding::Level::error:
      return "error";
    case Finding::Level::warning:
      return "warning";
    case Finding::Level::note:
      return "note";
  }
  return "";
}

std::string render(const Finding& finding, const Console& console) {
  return console.paint(color_of(finding.level), level_name(finding.level)) + " [" + finding.code +
         "] " + (finding.service.empty() ? "" : finding.service + ": ") + finding.reason;
}

void leave_out(std::vector<Finding>& findings, const std::vector<std::string>& codes) {
  std::erase_if(findings, [&](const Finding& finding) {
    return std::find(codes.begin(), codes.end(), finding.code) != codes.end();
  });
}

std::optional<Error> first_error(const std::vector<Finding>& findings) {
  const auto found = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.level == Finding::Level::error;
  });
  if (found == findings.end()) return std::nullopt;
  return Error{Errc::bad_root, found->reason,
               "correct it; if it is meant, say --ignore " + found->code};
}

Result<void> check_lint_codes(const std::vector<std::string>& codes) {
  for (const std::string& code : codes) {
    const auto& known = lint_codes();
    if (std::any_of(known.begin(), known.end(),
                    [&](const LintCode& one) { return one.code == code; })) {
      continue;
    }
    return {Errc::usage, "there is no finding " + quoted(code),
            "'hostspin-sign check --help' lists them"};
  }
  return {};
}

std::vector<Finding> lint(const Document& document, const Manifest& manifest,
                          const LintContext& context) {
  Findings findings;
  lint_times(findings, manifest, context.now);
  for (const Service& service : manifest.services) lint_service(findings, service);
  lint_shared(findings, manifest);
  if (context.previous != nullptr) {
    lint_version(findings, *context.previous, manifest);
    const std::size_t before = names_in(*context.previous);
    const std::size_t after = names_in(manifest);
    if (after * 4 < before * 3) {
      findings.warn("shrinks", "",
                    "it has " + count_of(after, "name") + " where the one before has " +
                        std::to_string(before) + ": is that meant?");
    }
  }
  for (const std::string& host : context.source_hosts) {
    if (!is_pinned(manifest, host)) {
      findings.warn(
          "source-not-pinned", "",
          "source host " + quoted(host) + " is not pinned: people who look at it need DNS");
    }
  }
  if (document.text.size() > kKmsTextBytesMax) {
    findings.note("kms-4096", "the text has " + std::to_string(document.text.size()) +
                                  " bytes: AWS KMS signs at most 4096");
  }
  return findings.take();
}

std::vector<Finding> lint(const RootDocument& root, const RootLintContext& context) {
  const std::chrono::sys_seconds now = context.now;
  Findings findings;
  lint_suffixes(findings, root);
  lint_succession(findings, root, context);
  lint_published(findings, root, context);
  if (root.expires - root.issued > kRootLifetimeWarning) {
    findings.warn("root-lifetime", "",
                  "it lives for " + format_span(root.expires - root.issued) +
                      ": a stolen key stays good as long; 400 days are enough");
  }
  if (root.issued > now) {
    findings.warn("issued-ahead", "",
                  "issued lies in the future: " + format_utc(root.issued) +
                      "; clients believe that time for good");
  }
  if (root.expires > now && root.expires - now < kRootExpiresSoon) {
    findings.warn("expires-soon", "",
                  "it expires in " + format_span(root.expires - now) +
                      ", and then no manifest is adopted: hostspin-sign root next");
  }
  lint_ring(findings, "root", root.root_keys);
  lint_ring(findings, "manifest", root.manifest.keys);
  return findings.take();
}

const std::vector<LintCode>& lint_codes() {
  static const std::vector<LintCode> codes{
      {"no-check", "a service has no check"},
      {"unsupported-check", "a check of a kind that this version does not know"},
      {"broken-logins", "another check than mysql on a port of MySQL or MariaDB: it gets hosts blocked"},
      {"single-instance", "kind = \"instance\" with one address"},
      {"shared-address", "two services share an address, and one has others too (a c-ares fault)"},
      {"lifetime-short", "a manifest that lives less than 4 days"},
      {"lifetime-long", "a manifest that lives more than 100 days"},
      {"issued-ahead", "issued lies in the future"},
      {"expires-soon", "less than 3 days are left (a root: 60 days)"},
      {"shrinks", "more than a quarter of the published names would go"},
      {"version-jump",
       "the version, or a root's min_version, is more than 1,000 above what is known"},
      {"public-suffix", "a root's name pattern covers a public suffix, as *.com does (error)"},
      {"epoch-jump", "a root's epoch is more than one above the one before"},
      {"key-taken-out", "a root takes a manifest key out, and the epoch stays"},
      {"drops-published", "the published manifest does not hold under this root"},
      {"source-not-pinned", "a source's host name (--source) is not pinned"},
      {"unknown-key", "a key that clients of this version ignore"},
      {"not-compared", "a root not compared with its predecessor, or with the published manifest"},
      {"root-not-given", "fleet, names and networks were not compared with a root"},
      {"root-lifetime", "a root that lives more than 400 days"},
      {"no-spare-key", "all keys of a role must sign"},
      {"single-signer", "one key of a role is enough (note)"},
      {"kms-4096", "a text above the 4096 bytes that AWS KMS signs (note)"},
  };
  return codes;
}

}  // namespace hostspin::desk
