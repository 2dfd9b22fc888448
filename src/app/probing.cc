#include "probing.h"

#include <map>

#include "ca_bundles.h"
#include "hostspin/worker_lines.h"
#include "nearest.h"

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

/// Reads results until all are in, the worker ends, or the deadline has passed.
Result<void> collect(Context& context, NetSession& net, std::size_t asked,
                     std::chrono::steady_clock::time_point limit,
                     std::vector<AddressReport>& checks) {
  for (std::size_t answered = 0; answered < asked;) {
    Result<NetResult> result = net.next(limit);
    if (!result) {
      if (result.error().code != Errc::timed_out) return std::move(result).error();
      if (answered == 0) return {Errc::worker_failed, "no answer from hostspin-net in time"};
      context.env.console.warning("hostspin-net went silent; what it left open was not judged");
      return {};
    }
    if (result->end) return {};
    if (result->notice) context.env.console.note(result->notice->text);
    if (!result->probe) continue;
    ++answered;
    const std::uint32_t id = result->probe->id;
    if (id < checks.size()) checks[id].result = std::move(*result->probe);
    context.env.console.progress("probing: " + std::to_string(answered) + " of " +
                                 std::to_string(asked));
  }
  return {};
}

}  // namespace

Result<ProbeReport> probe_manifest(Context& context, const Manifest& manifest,
                                   const std::vector<std::string>& only,
                                   std::chrono::milliseconds deadline, bool explain) {
  std::vector<AddressReport> checks = plan_probes(manifest, only).checks;
  std::map<std::string, std::string> missing;
  SessionStart start;
  start.deadline = deadline;
  start.tls_not_before = context.certificate_floor;
  start.ca_bundles = gather_bundles(context, checks, missing);

  std::vector<ProbeRequest> requests;
  for (AddressReport& check : checks) {
    if (check.check.kind == CheckKind::unsupported) continue;
    const auto lacking = missing.find(check.check.ca);
    if (needs_bundle(check.check) && lacking != missing.end()) {
      check.result.verdict = Verdict::not_tried;
      check.result.detail = lacking->second;
      continue;
    }
    requests.push_back({check.result.id, check.address, check.check, explain});
  }
  if (requests.empty()) return judge(manifest, std::move(checks));

  Result<std::unique_ptr<NetSession>> net = context.env.worker.start_net(start);
  if (!net) return std::move(net).error();
  for (const ProbeRequest& request : requests) {
    if (Result<void> asked = (*net)->ask(request); !asked) return std::move(asked).error();
  }
  if (Result<void> finished = (*net)->finish(); !finished) return std::move(finished).error();
  const auto limit = context.env.clock.steady() + deadline + kWorkerGrace;
  Result<void> collected = collect(context, **net, requests.size(), limit, checks);
  context.env.console.end_progress();
  if (!collected) return std::move(collected).error();
  return judge(manifest, std::move(checks));
}

}  // namespace hostspin
