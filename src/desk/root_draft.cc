#include "root_draft.h"

#include "desk_files.h"
#include "draft_place.h"
#include "lint.h"
#include "rules.h"

namespace hostspin::desk {

Result<std::vector<NamePattern>> read_names(const std::vector<std::string>& texts) {
  std::vector<NamePattern> names;
  for (const std::string& text : texts) {
    Result<NamePattern> pattern = NamePattern::parse(text);
    if (!pattern) return std::move(pattern).error();
    names.push_back(*std::move(pattern));
  }
  return names;
}

Result<std::vector<Prefix>> read_networks(const std::vector<std::string>& texts) {
  std::vector<Prefix> networks;
  for (const std::string& text : texts) {
    Result<Prefix> prefix = Prefix::parse(text);
    if (!prefix) return std::move(prefix).error();
    networks.push_back(*prefix);
  }
  return networks;
}

Result<void> deliver_root(Desk& desk, const std::string& text, const std::string& out) {
  if (Result<void> fits = check_draft_place(out, "name another file"); !out.empty() && !fits) {
    return fits;
  }
  const Result<RootDocument> checked = parse_root_text(text, UnknownKeys::refuse);
  if (!checked) return checked.error();
  if (checked->expires - checked->issued > kRootLifetimeWarning) {
    desk.console.warning("it lives longer than 400 days: a stolen key stays good as long");
  }
  for (const Finding& finding : lint(*checked, {desk.now, nullptr, nullptr})) {
    if (finding.level != Finding::Level::error) continue;
    desk.console.warning(finding.reason +
                         ": 'hostspin-sign sign' refuses that unless told --ignore " +
                         finding.code);
  }
  if (!out.empty() && out != "-") return write_new(out, text);
  desk.console.result(text);
  return {};
}

std::string must_sign(const KeyRing& ring, std::string_view what) {
  return "  " + std::to_string(ring.threshold) + " of " + std::string(what) + ": " + names_of(ring);
}

}  // namespace hostspin::desk
