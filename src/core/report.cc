#include "hostspin/report.h"

#include <algorithm>
#include <set>

namespace hostspin {

std::string_view exit_code_word(ExitCode code) {
  switch (code) {
    case ExitCode::ok:
      return "OK";
    case ExitCode::attention:
      return "WARNING";
    case ExitCode::critical:
      return "CRITICAL";
    case ExitCode::unknown:
      return "UNKNOWN";
  }
  return "UNKNOWN";
}

ExitCode graver(ExitCode a, ExitCode b) {
  const auto weight = [](ExitCode code) {
    switch (code) {
      case ExitCode::ok:
        return 0;
      case ExitCode::unknown:
        return 1;
      case ExitCode::attention:
        return 2;
      case ExitCode::critical:
        return 3;
    }
    return 3;
  };
  return weight(a) >= weight(b) ? a : b;
}

ExitCode exit_code_for(Errc code) {
  switch (code) {
    case Errc::bad_config:
    case Errc::no_trust_root:
    case Errc::no_sources:
    case Errc::usage:
    case Errc::denied:
    case Errc::not_found:
    case Errc::busy:
    case Errc::held:
      return ExitCode::unknown;
    case Errc::bad_note:
    case Errc::bad_key:
    case Errc::bad_signature:
    case Errc::too_few_signatures:
    case Errc::bad_root:
    case Errc::bad_manifest:
    case Errc::wrong_fleet:
    case Errc::wrong_epoch:
    case Errc::rollback:
    case Errc::equivocation:
    case Errc::expired:
    case Errc::root_expired:
    case Errc::root_withheld:
    case Errc::name_not_allowed:
    case Errc::address_not_allowed:
    case Errc::damaged_markers:
    case Errc::block_too_large:
    case Errc::hosts_too_large:
    case Errc::bind_mount:
    case Errc::immutable:
    case Errc::read_only:
    case Errc::disk_full:
    case Errc::foreign_owner:
    case Errc::writer_busy:
    case Errc::symlink_refused:
    case Errc::io_error:
    case Errc::fetch_failed:
    case Errc::worker_failed:
    case Errc::timed_out:
    case Errc::internal:
      return ExitCode::critical;
  }
  return ExitCode::critical;
}

namespace {

/// A check that is listed twice is one. Of an unsupported kind no option is known, so each stands.
std::vector<const Check*> distinct_checks(const Service& service) {
  std::vector<const Check*> distinct;
  std::set<std::string> seen;
  for (const Check& check : service.checks) {
    if (check.kind == CheckKind::unsupported ||
        seen.insert(check.identity(service.name.text())).second) {
      distinct.push_back(&check);
    }
  }
  return distinct;
}

}  // namespace

ProbePlan plan_probes(const Manifest& manifest, const std::vector<std::string>& only) {
  const auto wanted = [&](const Service& service) {
    if (only.empty()) return true;
    const auto named = [&](const HostName& name) {
      return std::find(only.begin(), only.end(), name.text()) != only.end();
    };
    return named(service.name) ||
           std::any_of(service.aliases.begin(), service.aliases.end(), named);
  };
  ProbePlan plan;
  for (const Service& service : manifest.services) {
    if (!wanted(service)) continue;
    const std::vector<const Check*> checks = distinct_checks(service);
    for (const IPAddress& address : service.addresses) {
      for (const Check* listed : checks) {
        const Check& check = *listed;
        AddressReport report{service.name.text(), address, check, {}};
        report.result.id = static_cast<std::uint32_t>(plan.checks.size());
        if (check.kind == CheckKind::unsupported) report.result.verdict = Verdict::unsupported;
        plan.checks.push_back(std::move(report));
      }
    }
  }
  return plan;
}

bool is_skipped(const ProbeResult& result) {
  return result.verdict == Verdict::not_tried || result.verdict == Verdict::local_limit ||
         result.verdict == Verdict::no_family || result.verdict == Verdict::source_address ||
         result.verdict == Verdict::internal;
}

bool is_up(const ProbeResult& result) {
  return result.verdict == Verdict::ok || result.verdict == Verdict::closed_at_once;
}

bool is_down(const ProbeResult& result) {
  return !is_up(result) && result.verdict != Verdict::unsupported && !is_skipped(result);
}

bool is_warning(const Check& check, const ProbeResult& result) {
  if (result.verdict == Verdict::closed_at_once) return true;
  return result.verdict == Verdict::ok && result.days_left &&
         *result.days_left < check.min_days_left;
}

ProbeReport judge(const Manifest& manifest, std::vector<AddressReport> checks) {
  ProbeReport report;
  std::set<std::string_view> asked;
  for (const AddressReport& check : checks) asked.insert(check.service);
  for (const Service& service : manifest.services) {
    ServiceReport judged;
    judged.service = service.name.text();
    judged.addresses = service.addresses.size();
    if (!asked.contains(judged.service)) {
      report.services.push_back(std::move(judged));
      continue;
    }
    for (const IPAddress& address : service.addresses) {
      bool down = false;
      bool not_tried = false;
      bool known = false;
      for (const AddressReport& check : checks) {
        if (check.service != judged.service || check.address != address) continue;
        known = known || check.result.verdict != Verdict::unsupported;
        down = down || is_down(check.result);
        not_tried = not_tried || is_skipped(check.result);
        if (is_warning(check.check, check.result)) ++judged.warnings;
      }
      if (down) {
        ++judged.addresses_down;
      } else if (not_tried) {
        ++judged.addresses_not_tried;
      } else if (!known) {
        ++judged.addresses_unsupported;
      }
    }
    judged.state = judged.addresses_unsupported == judged.addresses   ? ServiceState::unchecked
                   : judged.addresses_down == judged.addresses        ? ServiceState::down
                   : judged.addresses_down > 0 || judged.warnings > 0 ? ServiceState::degraded
                   : judged.addresses_not_tried > 0                   ? ServiceState::not_tried
                                                                      : ServiceState::up;
    report.services.push_back(std::move(judged));
  }
  report.checks = std::move(checks);
  return report;
}

ExitCode ProbeReport::exit_code() const {
  ExitCode worst = ExitCode::ok;
  bool any_skipped = false;
  bool any_unsupported = false;
  bool any_judged = false;
  for (const ServiceReport& service : services) {
    any_skipped = any_skipped || service.addresses_not_tried > 0;
    any_unsupported = any_unsupported || service.addresses_unsupported > 0;
    any_judged = any_judged || (service.state != ServiceState::unchecked &&
                                service.addresses_not_tried < service.addresses);
    switch (service.state) {
      case ServiceState::unchecked:
      case ServiceState::up:
        break;
      case ServiceState::degraded:
        worst = graver(worst, ExitCode::attention);
        break;
      case ServiceState::down:
        worst = graver(worst, ExitCode::critical);
        break;
      case ServiceState::not_tried:
        break;
    }
  }
  // A later version's checks beside ones that were judged are ignored; alone they say nothing.
  if (!any_judged && (any_skipped || any_unsupported)) return graver(worst, ExitCode::unknown);
  return any_skipped ? graver(worst, ExitCode::attention) : worst;
}

}  // namespace hostspin
