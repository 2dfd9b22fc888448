#include "verify_formats.h"

#include <array>
#include <cstdio>

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

std::string escaped_label(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string check_labels(const AddressReport& check) {
  return "service=\"" + escaped_label(check.service) + "\",address=\"" + check.address.to_string() +
         "\",check=\"" + escaped_label(check.check.label()) + "\"";
}

/// Families of metrics, each with its HELP and TYPE once.
class Metrics {
 public:
  void family(const std::string& name, const std::string& help) {
    text_ += "# HELP " + name + " " + help + "\n# TYPE " + name + " gauge\n";
    name_ = name;
  }
  void add(const std::string& labels, const std::string& value) {
    text_ += name_ + (labels.empty() ? "" : "{" + labels + "}") + " " + value + "\n";
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

void add_exit_code(Metrics& metrics, ExitCode code) {
  metrics.family("hostspin_verify_exit_code",
                 "0 fine, 1 needs attention, 2 critical, 3 could not judge.");
  metrics.add("", std::to_string(static_cast<int>(code)));
}

bool is_judged(const AddressReport& check) {
  return is_down(check.result) || check.result.verdict == Verdict::ok;
}

void add_checks(Metrics& metrics, const ProbeReport& probes) {
  const auto each = [&](const auto& visit) {
    for (const AddressReport& check : probes.checks) {
      if (is_judged(check)) visit(check);
    }
  };
  metrics.family("hostspin_address_up", "Whether the address answers its check.");
  each([&](const AddressReport& check) {
    metrics.add(check_labels(check), is_down(check.result) ? "0" : "1");
  });
  metrics.family("hostspin_probe_duration_seconds",
                 "The kernel's round trip of a connection, else how long the attempt took.");
  each([&](const AddressReport& check) {
    metrics.add(check_labels(check), fixed(seconds(check.result)));
  });
  metrics.family("hostspin_probe_failure_info", "Why an address does not answer its check.");
  each([&](const AddressReport& check) {
    if (!is_down(check.result)) return;
    metrics.add(check_labels(check) + ",verdict=\"" +
                    std::string(verdict_name(check.result.verdict)) + "\",layer=\"" +
                    std::string(verdict_layer(check.result.verdict)) + "\"",
                "1");
  });
  metrics.family("hostspin_certificate_days_left", "Days to the earliest expiry in its chain.");
  each([&](const AddressReport& check) {
    if (!check.result.days_left) return;
    metrics.add(check_labels(check), std::to_string(*check.result.days_left));
  });
}

void add_resolver(Metrics& metrics, const ResolverFindings& resolver) {
  if (resolver.servers) {
    metrics.family("hostspin_dns_server_up", "Whether a configured DNS server answers.");
    for (const DnsServer& server : *resolver.servers) {
      metrics.add("server=\"" + server.address.to_string() + "\"",
                  server.state == DnsServer::State::answers ? "1" : "0");
    }
  }
  metrics.family("hostspin_resolves_as_pinned",
                 "Whether this machine's resolver gives a name the pinned addresses.");
  for (const ResolverView& view : resolver.views) {
    metrics.add("name=\"" + escaped_label(view.name) + "\"",
                view.state == ResolverView::State::files ? "1" : "0");
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
  const std::string name = endpoint_text(check) + " " + check.check.label();
  const ProbeResult& result = check.result;
  const std::string verdict(verdict_name(result.verdict));
  const std::string words = std::string(verdict_words(result.verdict)) +
                            (result.detail.empty() ? "" : ": " + result.detail);
  if (is_down(result)) {
    suite.failed(check.service, name, seconds(result), verdict, words);
  } else if (is_warning(check.check, result)) {
    suite.failed(check.service, name, seconds(result), "certificate",
                 "the certificate ends in " + std::to_string(*result.days_left) + " days");
  } else if (result.verdict == Verdict::ok) {
    suite.passed(check.service, name, seconds(result));
  } else {
    suite.skipped(check.service, name, words);
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
      const std::string label =
          check.service + " " + check.address.to_string() + " " + check.check.label();
      data += " '" + without(label, "'=|") + "'=" + fixed(seconds(check.result)) + "s";
    }
  }
  std::string text = std::string(exit_code_word(judgement.code)) + ": " +
                     without(judgement.verdict, "|") + " | " + data + "\n";
  return text + without(verify_text(console, {}, findings, judgement, false), "|");
}

std::string verify_prometheus(const VerifyFindings& findings, const VerifyJudgement& judgement) {
  Metrics metrics;
  add_exit_code(metrics, judgement.code);
  metrics.family("hostspin_block_in_sync", "Whether the hosts file has the block as signed.");
  const Applied& applied = *findings.applied;
  const bool in_sync = pins_code(applied) == ExitCode::ok && applied.unacknowledged.empty();
  metrics.add("", in_sync ? "1" : "0");
  metrics.family("hostspin_manifest_expiry_timestamp_seconds", "When the manifest expires.");
  const Manifest& manifest = findings.standing->current->manifest();
  metrics.add("", std::to_string(manifest.expires.time_since_epoch().count()));
  if (findings.probes) add_checks(metrics, *findings.probes);
  if (findings.resolver) add_resolver(metrics, *findings.resolver);
  return metrics.text();
}

std::string failed_prometheus(ExitCode code) {
  Metrics metrics;
  add_exit_code(metrics, code);
  return metrics.text();
}

std::string verify_junit(const VerifyFindings& findings, const VerifyJudgement& judgement) {
  Suite suite;
  if (pins_code(*findings.applied) == ExitCode::ok) {
    suite.passed("hosts file", "block", 0);
  } else {
    suite.failed("hosts file", "block", 0, "drift", "block " + pins_words(*findings.applied));
  }
  if (findings.standing->current->expired(findings.standing->now)) {
    suite.failed("manifest", "freshness", 0, "expired", "the manifest has expired");
  } else {
    suite.passed("manifest", "freshness", 0);
  }
  if (findings.probes) {
    for (const AddressReport& check : findings.probes->checks) add_case(suite, check);
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
