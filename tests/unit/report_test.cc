#include "hostspin/report.h"

#include "catch.h"
#include "hostspin/time_text.h"
#include "signing.h"

using namespace hostspin;
using namespace hostspin::testing;

namespace {

Manifest two_addresses(const std::string& check) {
  const TestFleet fleet;
  ManifestText text = fleet.manifest(1);
  text.services[0].addresses = {"10.0.0.1", "10.0.0.2"};
  text.services[0].extra = "check = " + check + "\n";
  return fleet.admit(text).manifest();
}

ProbeReport with_verdicts(const Manifest& manifest, std::vector<Verdict> verdicts) {
  std::vector<AddressReport> checks = plan_probes(manifest, {}).checks;
  REQUIRE(checks.size() == verdicts.size());
  for (std::size_t i = 0; i < checks.size(); ++i) checks[i].result.verdict = verdicts[i];
  return judge(manifest, std::move(checks));
}

}  // namespace

TEST_CASE("all addresses down is critical, some is attention, none is fine", "[report]") {
  const Manifest manifest = two_addresses("{ tcp = 5432 }");
  using enum Verdict;
  CHECK(with_verdicts(manifest, {ok, ok}).exit_code() == ExitCode::ok);
  CHECK(with_verdicts(manifest, {ok, refused}).exit_code() == ExitCode::attention);
  CHECK(with_verdicts(manifest, {tcp_timeout, refused}).exit_code() == ExitCode::critical);
  CHECK(with_verdicts(manifest, {not_tried, not_tried}).exit_code() == ExitCode::unknown);
  CHECK(with_verdicts(manifest, {refused, not_tried}).exit_code() == ExitCode::attention);
  CHECK(with_verdicts(manifest, {ok, not_tried}).exit_code() == ExitCode::attention);
}

TEST_CASE("an address is down if any of its checks is not ok", "[report]") {
  const Manifest manifest = two_addresses("[{ tcp = 5432 }, { tls = 443 }]");
  using enum Verdict;
  CHECK(with_verdicts(manifest, {ok, tls_expired, tls_name, ok}).exit_code() == ExitCode::critical);
  CHECK(with_verdicts(manifest, {ok, tls_expired, ok, ok}).exit_code() == ExitCode::attention);
}

TEST_CASE("checks that differ in one option are two, and one that is listed twice is one",
          "[report]") {
  const Manifest manifest = two_addresses(
      "[{ http = 80 }, { http = 80, host = \"b.example\" }, { http = 80, status = 503 }, "
      "{ http = 80, host = \"db.svc.example.com\" }]");
  CHECK(manifest.services[0].name.text() == "db.svc.example.com");
  const std::vector<AddressReport> checks = plan_probes(manifest, {}).checks;
  REQUIRE(checks.size() == 6);
  CHECK(checks[1].check.identity(checks[1].service) == "http:80 host=b.example");
  CHECK(checks[2].check.identity(checks[2].service) == "http:80 status=503");
}

TEST_CASE("a fault of this machine is none of the service", "[report]") {
  using enum Verdict;
  for (const Verdict fault : {not_tried, local_limit, no_family, source_address, internal}) {
    CAPTURE(verdict_name(fault));
    const Manifest manifest = two_addresses("{ tcp = 5432 }");
    ProbeResult result;
    result.verdict = fault;
    CHECK(is_skipped(result));
    CHECK_FALSE(is_down(result));
    const ProbeReport nothing = with_verdicts(manifest, {fault, fault});
    CHECK(nothing.exit_code() == ExitCode::unknown);
    CHECK(nothing.services.at(0).state == ServiceState::not_tried);
    CHECK(with_verdicts(manifest, {ok, fault}).exit_code() == ExitCode::attention);
    CHECK(with_verdicts(manifest, {refused, fault}).exit_code() == ExitCode::attention);
    const Manifest both = two_addresses("[{ tcp = 1 }, { tcp = 2 }]");
    CHECK(with_verdicts(both, {fault, refused, refused, fault}).exit_code() == ExitCode::critical);
  }
  for (const Verdict fault : {refused, tcp_timeout, tls_ca, http_status, ntp_bad}) {
    ProbeResult result;
    result.verdict = fault;
    CHECK_FALSE(is_skipped(result));
    CHECK(is_down(result));
  }
}

TEST_CASE("checks that this version does not know take nothing down, and alone judge nothing",
          "[report]") {
  using enum Verdict;
  const TestFleet fleet;
  ManifestText text = fleet.manifest(1);
  text.services[0].addresses = {"10.0.0.1"};
  text.services[0].extra = "check = { carrier_pigeon = 1 }\n";
  SECTION("alone") {
    const Manifest manifest = fleet.admit(text).manifest();
    const ProbeReport report = judge(manifest, plan_probes(manifest, {}).checks);
    CHECK(report.checks.at(0).result.verdict == unsupported);
    CHECK(report.services.at(0).state == ServiceState::unchecked);
    CHECK(report.exit_code() == ExitCode::unknown);
  }
  SECTION("beside one of the same address") {
    text.services[0].extra = "check = [{ carrier_pigeon = 1 }, { tcp = 1 }]\n";
    const Manifest manifest = fleet.admit(text).manifest();
    CHECK(with_verdicts(manifest, {unsupported, ok}).exit_code() == ExitCode::ok);
    CHECK(with_verdicts(manifest, {unsupported, refused}).exit_code() == ExitCode::critical);
    CHECK(with_verdicts(manifest, {unsupported, not_tried}).exit_code() == ExitCode::unknown);
  }
  SECTION("beside those of another service") {
    ServiceText other;
    other.name = "api.svc.example.com";
    other.addresses = {"10.9.9.9"};
    other.extra = "check = { tcp = 6443 }\n";
    text.services.push_back(other);
    const Manifest manifest = fleet.admit(text).manifest();
    CHECK(with_verdicts(manifest, {unsupported, ok}).exit_code() == ExitCode::ok);
    CHECK(with_verdicts(manifest, {unsupported, refused}).exit_code() == ExitCode::critical);
    CHECK(with_verdicts(manifest, {unsupported, not_tried}).exit_code() == ExitCode::unknown);
  }
  SECTION("beside a service without any") {
    ServiceText other;
    other.name = "api.svc.example.com";
    other.addresses = {"10.9.9.9"};
    text.services.push_back(other);
    const Manifest manifest = fleet.admit(text).manifest();
    CHECK(with_verdicts(manifest, {unsupported}).exit_code() == ExitCode::unknown);
  }
}

TEST_CASE("a certificate close to its end is worth attention", "[report]") {
  const Manifest manifest = two_addresses("{ tls = 443, min_days_left = 14 }");
  std::vector<AddressReport> checks = plan_probes(manifest, {}).checks;
  for (AddressReport& check : checks) check.result.verdict = Verdict::ok;
  checks[0].result.days_left = 13;
  checks[1].result.days_left = 14;
  const ProbeReport report = judge(manifest, std::move(checks));
  CHECK(report.services.at(0).warnings == 1);
  CHECK(report.exit_code() == ExitCode::attention);
}

TEST_CASE("a port that closes what it accepts is worth attention, and up", "[report]") {
  const Manifest manifest = two_addresses("{ tcp = 5432 }");
  using enum Verdict;
  const ProbeReport report = with_verdicts(manifest, {closed_at_once, closed_at_once});
  CHECK(is_up(report.checks.at(0).result));
  CHECK_FALSE(is_down(report.checks.at(0).result));
  CHECK_FALSE(is_skipped(report.checks.at(0).result));
  CHECK(is_warning(report.checks.at(0).check, report.checks.at(0).result));
  CHECK(report.services.at(0).warnings == 2);
  CHECK(report.exit_code() == ExitCode::attention);
}

TEST_CASE("only the services asked for are probed, by name or alias", "[report]") {
  const TestFleet fleet;
  ManifestText text = fleet.manifest(1);
  ServiceText other;
  other.name = "api.svc.example.com";
  other.aliases = {"api2.svc.example.com"};
  other.addresses = {"10.9.9.9"};
  other.extra = "check = { tcp = 6443 }\n";
  text.services[0].extra = "check = { tcp = 1 }\n";
  text.services.push_back(other);
  const Manifest manifest = fleet.admit(text).manifest();
  CHECK(plan_probes(manifest, {}).checks.size() == 3);
  CHECK(plan_probes(manifest, {"api2.svc.example.com"}).checks.size() == 1);
  const ProbeReport report =
      judge(manifest, plan_probes(manifest, {"api2.svc.example.com"}).checks);
  CHECK(report.services.at(0).state == ServiceState::unchecked);
}

TEST_CASE("critical outweighs attention outweighs unknown", "[report]") {
  CHECK(graver(ExitCode::unknown, ExitCode::attention) == ExitCode::attention);
  CHECK(graver(ExitCode::unknown, ExitCode::critical) == ExitCode::critical);
  CHECK(graver(ExitCode::ok, ExitCode::unknown) == ExitCode::unknown);
}

TEST_CASE("times and spans read as people write them", "[time]") {
  CHECK(format_utc(at("2026-10-01T12:00:00Z")) == "2026-10-01T12:00:00Z");
  using namespace std::chrono;
  CHECK(format_span(seconds(0)) == "0 s");
  CHECK(format_span(seconds(59)) == "59 s");
  CHECK(format_span(seconds(3600)) == "1 h");
  CHECK(format_span(hours(-51)) == "2 d 3 h");
  CHECK(format_span(seconds(86400 + 5)) == "1 d");
}

TEST_CASE("exit codes have one word each, and an alarm outweighs not knowing", "[report]") {
  CHECK(exit_code_word(ExitCode::ok) == "OK");
  CHECK(exit_code_word(ExitCode::attention) == "WARNING");
  CHECK(exit_code_word(ExitCode::critical) == "CRITICAL");
  CHECK(exit_code_word(ExitCode::unknown) == "UNKNOWN");
  const std::vector<ExitCode> by_weight = {ExitCode::ok, ExitCode::unknown, ExitCode::attention,
                                           ExitCode::critical};
  for (std::size_t a = 0; a < by_weight.size(); ++a) {
    for (std::size_t b = 0; b < by_weight.size(); ++b) {
      CHECK(graver(by_weight[a], by_weight[b]) == by_weight[std::max(a, b)]);
    }
  }
}

TEST_CASE("what could not be judged is unknown, what was refused or failed is critical",
          "[report]") {
  for (const Errc code : {Errc::bad_config, Errc::no_trust_root, Errc::no_sources, Errc::usage,
                          Errc::denied, Errc::busy, Errc::held}) {
    CAPTURE(code_name(code));
    CHECK(exit_code_for(code) == ExitCode::unknown);
  }
  for (const Errc code : {Errc::bad_signature, Errc::too_few_signatures, Errc::rollback,
                          Errc::equivocation, Errc::root_expired, Errc::root_withheld,
                          Errc::disk_full, Errc::fetch_failed, Errc::internal}) {
    CAPTURE(code_name(code));
    CHECK(exit_code_for(code) == ExitCode::critical);
  }
}
