#include "verify_formats.h"

#include <array>
#include <cstdio>
#include <set>

#include "exposition.h"
#include "markup.h"
#include "verify_text.h"

namespace hostspin {
namespace {

/// Beyond it only the sums: Nagios reads 8 KiB.
constexpr std::size_t kPerfChecksMax = 60;

double seconds(const ProbeResult& result) {
  constexpr double kMicrosecond = 1e-6;
  constexpr double kMillisecond = 1e-3;
  return result.rtt_us ? static_cast<double>(*result.rtt_us) * kMicrosecond
                       : static_cast<double>(result.elapsed.count()) * kMillisecond;
}

std::string fixed(double value) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.6f", value);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string without(std::string text, std::string_view bytes) {
  for (char& c : text) {
    if (bytes.find(c) != std::string_view::npos) c = ' ';
  }
  return text;
}

constexpr std::int64_t kSecondsPerDay = 86400;

void add_exit_code(Exposition& out, ExitCode code) {
  out.family("hostspin_verify_exit_code", "gauge",
             "0 fine, 1 needs attention, 2 critical, 3 could not judge.");
  out.sample(static_cast<int>(code));
}

bool is_judged(const AddressReport& check) { return is_down(check.result) || is_up(check.result); }

/// A check with the texts that its labels refer to.
struct Series {
  const AddressReport& check;
  std::string address = check.address.to_string();
  std::string identity = check.check.identity(check.service);
  [[nodiscard]] Exposition::Labels labels() const {
    return {{"service", check.service}, {"address", address}, {"check", identity}};
  }
};

void add_checks(Exposition& out, const ProbeReport& probes) {
  const auto each = [&](const auto& visit) {
    for (const AddressReport& check : probes.checks) {
      if (is_judged(check)) visit(Series{check}, check.result);
    }
  };
  out.family("hostspin_verify_address_up", "gauge", "1 where the address answers its check.");
  each([&](const Series& series, const ProbeResult& result) {
    out.sample(is_down(result) ? 0 : 1, series.labels());
  });
  out.family("hostspin_verify_probe_duration_seconds", "gauge",
             "The kernel's round trip of a connection, else how long the attempt took.");
  each([&](const Series& series, const ProbeResult& result) {
    out.seconds(seconds(result), series.labels());
  });
  out.family("hostspin_verify_probe_failure_info", "gauge",
             "Why an address does not answer its check, in labels.");
  each([&](const Series& series, const ProbeResult& result) {
    if (!is_down(result)) return;
    Exposition::Labels labels = series.labels();
    labels.emplace_back("verdict", verdict_name(result.verdict));
    labels.emplace_back("layer", verdict_layer(result.verdict));
    out.sample(1, labels);
  });
  out.family("hostspin_verify_certificate_remaining_seconds", "gauge",
             "Time to the earliest expiry in the certificate's chain, in whole days.");
  each([&](const Series& series, const ProbeResult& result) {
    if (result.days_left) out.sample(*result.days_left * kSecondsPerDay, series.labels());
  });
}

void add_resolver(Exposition& out, const ResolverFindings& resolver) {
  out.family("hostspin_verify_dns_server_up", "gauge", "1 where a configured DNS server answers.");
  std::set<std::string> seen;  // resolv.conf may name one twice
  for (const DnsServer& server : resolver.servers.value_or(std::vector<DnsServer>())) {
    const std::string address = server.address.to_string();
    if (!seen.insert(address).second) continue;
    out.sample(server.state == DnsServer::State::answers ? 1 : 0, {{"server", address}});
  }
  out.family("hostspin_verify_resolves_as_pinned", "gauge",
             "1 where this machine's resolver gives a name the pinned addresses.");
  for (const ResolverView& view : resolver.views) {
    out.sample(view.state == ResolverView::State::files ? 1 : 0, {{"name", view.name}});
  }
}

/// A JUnit suite while it is written.
class Suite {
 public:
  void passed(const std::string& group, const std::string& name, double seconds) {
    open(group, name, seconds);
    cases_ += "/>\n";
  }
  void failed(const std::string& group, const std::string& name, double seconds,
              const std::string& type, const std::string& message) {
    ++failures_;
    open(group, name, seconds);
    cases_ += ">\n      <failure type=\"" + escaped_markup(type) + "\" message=\"" +
              escaped_markup(message) + "\"/>\n    </testcase>\n";
  }
  void skipped(const std::string& group, const std::string& name, const std::string& message) {
    ++skipped_;
    open(group, name, 0);
    cases_ += ">\n      <skipped message=\"" + escaped_markup(message) + "\"/>\n    </testcase>\n";
  }
  void errored(const std::string& group, const std::string& name, const std::string& type,
               const std::string& message) {
    ++errors_;
    open(group, name, 0);
    cases_ += ">\n      <error type=\"" + escaped_markup(type) + "\" message=\"" +
              escaped_markup(message) + "\"/>\n    </testcase>\n";
  }
  [[nodiscard]] std::string text(const std::string& output) const {
    const std::string sums = "tests=\"" + std::to_string(tests_) + "\" failures=\"" +
                             std::to_string(failures_) + "\" errors=\"" + std::to_string(errors_) +
                             "\" skipped=\"" + std::to_string(skipped_) + "\"";
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
           "  <testsuite name=\"hostspin verify\" " +
           sums + ">\n" + cases_ + "    <system-out>" + escaped_markup(output) +
           "</system-out>\n  </testsuite>\n</testsuites>\n";
  }

 private:
  void open(const std::string& group, const std::string& name, double seconds) {
    ++tests_;
    cases_ += "    <testcase classname=\"" + escaped_markup(group) + "\" name=\"" +
              escaped_markup(name) + "\" time=\"" + fixed(seconds) + "\"";
  }

  std::string cases_;
  std::size_t tests_ = 0;
  std::size_t failures_ = 0;
  std::size_t errors_ = 0;
  std::size_t skipped_ = 0;
};

void add_case(Suite& suite, const AddressReport& check) {
  const std::string name = endpoint_text(check) + " " + check.check.identity(check.service);
  const ProbeResult& result = check.result;
  const std::string verdict(verdict_name(result.verdict));
  const std::string words = std::string(verdict_words(result.verdict)) +
                            (result.detail.empty() ? "" : ": " + result.detail);
  if (is_down(result) || result.verdict == Verdict::closed_at_once) {
    suite.failed(check.service, name, seconds(result), verdict, words);
  } else if (is_warning(check.check, result)) {
    suite.failed(check.service, name, seconds(result), "certificate",
                 "the certificate ends in " + std::to_string(*result.days_left) + " days");
  } else if (result.verdict == Verdict::ok) {
    suite.passed(check.service, name, seconds(result));
  } else {
    suite.skipped(check.service, name,
                  is_skipped(result) ? std::string(skipped_words(result)) : words);
  }
}

}  // namespace

std::string verify_nagios(const Console& console, const VerifyFindings& findings,
                          const VerifyJudgement& judgement) {
  const VerifyTally& tally = judgement.tally;
  const auto left = findings.standing->current->manifest().expires - findings.standing->now;
  std::string data = "ok=" + std::to_string(tally.ok + tally.warnings) +
                     " down=" + std::to_string(tally.down) +
                     " not_tried=" + std::to_string(tally.not_tried) +
                     " warnings=" + std::to_string(judgement.warnings.size() + tally.warnings) +
                     " manifest_left=" + std::to_string(left.count()) + "s";
  if (findings.probes && findings.probes->checks.size() <= kPerfChecksMax) {
    for (const AddressReport& check : findings.probes->checks) {
      if (check.result.verdict != Verdict::ok) continue;
      const std::string label = check.service + " " + check.address.to_string() + " " +
                                check.check.identity(check.service);
      data += " '" + without(label, "'=|") + "'=" + fixed(seconds(check.result)) + "s";
    }
  }
  std::string text = std::string(exit_code_word(judgement.code)) + ": " +
                     without(judgement.verdict, "|") + " | " + data + "\n";
  return text + without(verify_text(console, {}, findings, judgement, false), "|");
}

std::string verify_prometheus(const VerifyFindings& findings, const VerifyJudgement& judgement) {
  Exposition out;
  add_exit_code(out, judgement.code);
  out.family("hostspin_verify_block_in_sync", "gauge",
             "1 where the hosts file has the block as signed.");
  const Applied& applied = *findings.applied;
  const bool in_sync =
      !applied.state_lost && applied.plan.drift == Drift::none && applied.unacknowledged.empty();
  out.sample(in_sync ? 1 : 0);
  out.family("hostspin_verify_manifest_expiry_timestamp_seconds", "gauge",
             "When the manifest that was judged by expires.");
  out.sample(findings.standing->current->manifest().expires.time_since_epoch().count());
  if (findings.probes) {
    out.family("hostspin_verify_probing_finished", "gauge",
               "0 where hostspin-net failed; what it left open has no series then.");
    out.sample(findings.probes_failed.empty() ? 1 : 0);
    add_checks(out, *findings.probes);
  }
  if (findings.resolver) add_resolver(out, *findings.resolver);
  return out.take();
}

std::string failed_prometheus(ExitCode code) {
  Exposition out;
  add_exit_code(out, code);
  return out.take();
}

std::string verify_junit(const VerifyFindings& findings, const VerifyJudgement& judgement) {
  Suite suite;
  if (pins_code(*findings.applied) == ExitCode::ok) {
    suite.passed("hosts file", "block", 0);
  } else if (findings.applied->is_held && !findings.applied->state_lost) {
    suite.skipped("hosts file", "block", "block " + pins_words(*findings.applied));
  } else {
    suite.failed("hosts file", "block", 0, "drift", "block " + pins_words(*findings.applied));
  }
  if (findings.standing->rotated_keys) {
    suite.failed("manifest", "freshness", 0, "rotated_keys", findings.standing->rotated_words());
  } else if (findings.standing->current->expired(findings.standing->now)) {
    suite.failed("manifest", "freshness", 0, "expired", "the manifest has expired");
  } else {
    suite.passed("manifest", "freshness", 0);
  }
  if (findings.probes) {
    for (const AddressReport& check : findings.probes->checks) add_case(suite, check);
  }
  if (!findings.probes_failed.empty()) {
    suite.errored("hostspin", "probes", std::string(code_name(Errc::worker_failed)),
                  findings.probes_failed);
  }
  std::string output = std::string(exit_code_word(judgement.code)) + ": " + judgement.verdict;
  for (const std::string& warning : judgement.warnings) output += "\n" + warning;
  return suite.text(output);
}

std::string failed_junit(const Error& error) {
  Suite suite;
  suite.errored("hostspin", "verify", std::string(code_name(error.code)), error.detail);
  return suite.text("");
}

}  // namespace hostspin
