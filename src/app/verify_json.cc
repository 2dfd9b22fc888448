#include "verify_json.h"

namespace hostspin {
namespace {

std::string_view ask_status_name(AskResult::Status status) {
  switch (status) {
    case AskResult::Status::found:
      return "found";
    case AskResult::Status::not_found:
      return "not_found";
    case AskResult::Status::stalled:
      return "stalled";
    case AskResult::Status::failed:
      return "failed";
  }
  return "failed";
}

Json probes_json(const ProbeReport& probes) {
  Json checks = Json::array();
  for (const AddressReport& check : probes.checks) {
    Json one = {{"service", check.service},
                {"address", check.address.to_string()},
                {"check", check.check.identity(check.service)},
                {"verdict", verdict_name(check.result.verdict)},
                {"layer", verdict_layer(check.result.verdict)},
                {"errno", check.result.error_number},
                {"elapsed_ms", check.result.elapsed.count()},
                {"rtt_us", nullptr},
                {"days_left", nullptr},
                {"detail", check.result.detail}};
    if (check.result.rtt_us) one["rtt_us"] = *check.result.rtt_us;
    if (check.result.days_left) one["days_left"] = *check.result.days_left;
    checks.push_back(std::move(one));
  }
  return checks;
}

Json resolver_json(const std::vector<ResolverView>& views) {
  const auto answer = [](const AskResult& result) {
    Json addresses = Json::array();
    for (const IPAddress& address : result.addresses) addresses.push_back(address.to_string());
    return Json{{"status", ask_status_name(result.status)}, {"addresses", std::move(addresses)}};
  };
  Json names = Json::array();
  for (const ResolverView& view : views) {
    names.push_back({{"name", view.name},
                     {"state", resolver_state_name(view.state)},
                     {"system", answer(view.system)},
                     {"files", answer(view.files)},
                     {"dns", answer(view.dns)},
                     {"one_family_leaks", view.one_family}});
  }
  return names;
}

Json servers_json(const std::vector<DnsServer>& servers) {
  Json list = Json::array();
  for (const DnsServer& server : servers) {
    list.push_back(
        {{"address", server.address.to_string()}, {"state", dns_server_state_name(server.state)}});
  }
  return list;
}

}  // namespace

Json verify_json(const VerifyFindings& findings, const VerifyJudgement& judgement) {
  const std::optional<ResolverFindings>& resolver = findings.resolver;
  return {{"manifest", manifest_json(*findings.standing)},
          {"block", block_json(*findings.applied)},
          {"clock_plausible", findings.clock >= findings.standing->now},
          {"checks", findings.probes ? probes_json(*findings.probes) : Json(nullptr)},
          {"probes_failed",
           findings.probes_failed.empty() ? Json(nullptr) : Json(findings.probes_failed)},
          {"resolver", resolver ? resolver_json(resolver->views) : Json(nullptr)},
          {"dns_servers",
           resolver && resolver->servers ? servers_json(*resolver->servers) : Json(nullptr)},
          {"warnings", judgement.warnings},
          {"notes", judgement.notes}};
}

}  // namespace hostspin
