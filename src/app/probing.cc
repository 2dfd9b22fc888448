#include "probing.h"

#include <algorithm>
#include <map>
#include <set>

#include "ca_bundles.h"
#include "hostspin/worker_lines.h"
#include "nearest.h"
#include "verify_report.h"

namespace hostspin {
namespace {

/// What the parent waits beyond the worker's own deadline before it gives up on the worker.
constexpr std::chrono::milliseconds kWorkerGrace{250};

bool needs_bundle(const Check& check) {
  return check.kind == CheckKind::tls || check.kind == CheckKind::https ||
         (check.kind == CheckKind::grpc && check.grpc_tls);
}

/// The CA bundles the checks need. A name the host does not configure is left out and the reason
/// kept.
std::map<std::string, std::string> gather_bundles(Context& context,
                                                  const std::vector<AddressReport>& checks,
                                                  std::map<std::string, std::string>& missing) {
  std::map<std::string, std::string> bundles;
  for (const AddressReport& check : checks) {
    const std::string& name = check.check.ca;
    if (!needs_bundle(check.check) || bundles.contains(name) || missing.contains(name)) continue;
    const auto configured = context.config.tls_ca.find(name);
    if (name != "system" && configured == context.config.tls_ca.end()) {
      std::vector<std::string> known;
      for (const auto& [configured_name, path] : context.config.tls_ca) {
        known.push_back(configured_name);
      }
      const std::optional<std::string> meant = nearest(name, known);
      missing[name] = "this host's configuration has no [tls.ca] " + name +
                      (meant ? ", but it has " + *meant : "");
      continue;
    }
    Result<std::string> pem =
        name == "system" ? read_system_bundle(context) : read_pem(context, configured->second);
    if (pem) {
      bundles[name] = std::move(*pem);
    } else {
      missing[name] = pem.error().detail;
    }
  }
  return bundles;
}

/// Asks everything, and reads results until all are in, the worker ends, or the deadline has
/// passed. What was answered is taken out of `open`. The error is the worker's.
Result<void> converse(Context& context, const SessionStart& start,
                      const std::vector<ProbeRequest>& requests, std::set<std::uint32_t>& open,
                      std::vector<AddressReport>& checks) {
  Result<std::unique_ptr<NetSession>> net = context.env.worker.start_net(start);
  if (!net) return std::move(net).error();
  for (const ProbeRequest& request : requests) {
    if (Result<void> asked = (*net)->ask(request); !asked) return std::move(asked).error();
  }
  if (Result<void> finished = (*net)->finish(); !finished) return std::move(finished).error();
  const auto limit = context.env.clock.steady() + start.deadline + kWorkerGrace;
  while (!open.empty()) {
    Result<NetResult> result = (*net)->next(limit);
    if (!result && result.error().code == Errc::timed_out) {
      return {Errc::worker_failed, "no answer from hostspin-net in time"};
    }
    if (!result) return std::move(result).error();
    if (result->end) return {};
    if (result->notice) context.env.console.note(result->notice->text);
    if (!result->probe) continue;
    const std::uint32_t id = result->probe->id;
    open.erase(id);
    if (id < checks.size()) checks[id].result = std::move(*result->probe);
    context.env.console.progress("probing: " + std::to_string(requests.size() - open.size()) +
                                 " of " + std::to_string(requests.size()));
  }
  return {};
}

/// "; unanswered: 10.1.2.3:443 of api.svc.example.com, 10.1.2.4:443 of … and 5 more": among them
/// is the one that was being served.
std::string open_words(const std::set<std::uint32_t>& open,
                       const std::vector<AddressReport>& checks) {
  constexpr std::size_t kNamedMax = 3;
  std::string words;
  std::size_t named = 0;
  for (const std::uint32_t id : open) {
    if (named == kNamedMax) break;
    words += (named == 0 ? "; unanswered: " : ", ") + endpoint_text(checks[id]) + " of " +
             checks[id].service;
    ++named;
  }
  if (open.size() > named) words += " and " + std::to_string(open.size() - named) + " more";
  return words;
}

}  // namespace

bool Probed::has_verdicts() const {
  return std::any_of(report.checks.begin(), report.checks.end(), [](const AddressReport& check) {
    return is_up(check.result) || is_down(check.result);
  });
}

Probed probe_manifest(Context& context, const Manifest& manifest,
                      const std::vector<std::string>& only, std::chrono::milliseconds deadline,
                      bool explain) {
  std::vector<AddressReport> checks = plan_probes(manifest, only).checks;
  std::map<std::string, std::string> missing;
  SessionStart start;
  start.deadline = deadline;
  start.tls_not_before = context.certificate_floor;
  start.ca_bundles = gather_bundles(context, checks, missing);

  std::vector<ProbeRequest> requests;
  std::set<std::uint32_t> open;  // by id, which is the place in `checks`
  for (AddressReport& check : checks) {
    if (check.check.kind == CheckKind::unsupported) continue;
    const auto lacking = missing.find(check.check.ca);
    if (needs_bundle(check.check) && lacking != missing.end()) {
      check.result.verdict = Verdict::not_tried;
      check.result.detail = lacking->second;
      continue;
    }
    requests.push_back({check.result.id, check.address, check.check, explain});
    open.insert(check.result.id);
  }
  Probed probed;
  if (!requests.empty()) {
    const Result<void> done = converse(context, start, requests, open, checks);
    context.env.console.end_progress();
    if (!done) {
      probed.failure = done.error().detail + open_words(open, checks);
      for (const std::uint32_t id : open) checks[id].result.detail = done.error().detail;
    }
  }
  probed.report = judge(manifest, std::move(checks));
  return probed;
}

}  // namespace hostspin
