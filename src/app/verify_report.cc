#include "verify_report.h"

#include <algorithm>
#include <cstdio>

#include "hostspin/time_text.h"
#include "output.h"

namespace hostspin {
namespace {

constexpr std::size_t kReportColumns = 100;
constexpr std::size_t kMarkColumns = 4;  ///< "DOWN" and the like, before a line

std::string fit(std::string line) {
  constexpr std::size_t room = kReportColumns - kMarkColumns;
  if (line.size() <= room) return line;
  return line.substr(0, room - 3) + "...";
}

/// "10.1.2.3:5432", "[2001:db8::1]:443".
std::string endpoint(const AddressReport& check) {
  const std::string address = check.address.to_string();
  const std::string host = check.address.is_v6() ? "[" + address + "]" : address;
  return check.check.port == 0 ? host : host + ":" + std::to_string(check.check.port);
}

std::string milliseconds(const ProbeResult& result) {
  const double value = result.rtt_us ? static_cast<double>(*result.rtt_us) / 1000.0
                                     : static_cast<double>(result.elapsed.count());
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.2f ms", value);
  return {text.data(), static_cast<std::size_t>(size)};
}

/// How wide the columns of a report are, so that its lines stand below each other.
struct Columns {
  std::size_t service = 0;
  std::size_t endpoint = 0;
  std::size_t kind = 0;
};

Columns columns_of(const ProbeReport& probes) {
  Columns columns;
  for (const AddressReport& check : probes.checks) {
    columns.service = std::max(columns.service, check.service.size());
    columns.endpoint = std::max(columns.endpoint, endpoint(check).size());
    columns.kind = std::max(columns.kind, check_kind_name(check.check.kind).size());
  }
  return columns;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text + "  ";
}

std::string check_line(const AddressReport& check, const Columns& columns) {
  std::string line = "  " + padded(check.service, columns.service) +
                     padded(endpoint(check), columns.endpoint) +
                     padded(std::string(check_kind_name(check.check.kind)), columns.kind);
  if (check.result.verdict == Verdict::ok) {
    line += milliseconds(check.result);
    if (check.result.days_left) {
      line += "  certificate " + std::to_string(*check.result.days_left) + " d";
    }
    return fit(line);
  }
  line += std::string(verdict_layer(check.result.verdict)) + " " +
          std::string(verdict_name(check.result.verdict)) + ": " +
          std::string(verdict_words(check.result.verdict));
  // The library's or kernel's own words, where there is room for them; JSON has them always.
  const std::string detailed = line + ": " + check.result.detail;
  const bool fits =
      !check.result.detail.empty() && detailed.size() <= kReportColumns - kMarkColumns;
  return fit(fits ? detailed : line);
}

/// The state of the pins themselves: missing or altered lines are what this tool exists to prevent.
ExitCode pins_code(const Applied& applied) {
  if (applied.state_lost) return ExitCode::critical;
  switch (applied.plan.drift) {
    case Drift::none:
      return ExitCode::ok;
    case Drift::layout:
    case Drift::header:
      return ExitCode::attention;
    case Drift::content:
    case Drift::missing:
      return ExitCode::critical;
  }
  return ExitCode::critical;
}

std::string pins_words(const Applied& applied) {
  if (applied.state_lost) return "newer than this machine's state";
  switch (applied.plan.drift) {
    case Drift::none:
      return "intact";
    case Drift::layout:
      return "intact but re-formatted";
    case Drift::header:
      return "right lines under another header";
    case Drift::content:
      return "ALTERED";
    case Drift::missing:
      return "MISSING";
  }
  return "unknown";
}

std::string addresses_words(const AskResult& answer) {
  switch (answer.status) {
    case AskResult::Status::stalled:
      return "no answer in time";
    case AskResult::Status::not_found:
      return "not found";
    case AskResult::Status::failed:
      return "failed";
    case AskResult::Status::found:
      break;
  }
  std::string words;
  for (const IPAddress& address : answer.addresses) {
    if (!words.empty()) words += " ";
    words += address.to_string();
  }
  return words;
}

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

struct Tally {
  std::size_t down = 0;
  std::size_t not_tried = 0;
  std::size_t unsupported = 0;
  std::size_t warnings = 0;
  std::size_t ok = 0;
};

Tally count(const ProbeReport& probes) {
  Tally tally;
  for (const AddressReport& check : probes.checks) {
    if (is_down(check.result)) {
      ++tally.down;
    } else if (check.result.verdict == Verdict::not_tried) {
      ++tally.not_tried;
    } else if (check.result.verdict == Verdict::unsupported) {
      ++tally.unsupported;
    } else if (is_warning(check.check, check.result)) {
      ++tally.warnings;
    } else {
      ++tally.ok;
    }
  }
  return tally;
}

/// The resolver's answers that are not what is pinned.
std::vector<std::string> resolver_warnings(const std::vector<ResolverView>& views) {
  std::vector<std::string> warnings;
  for (const ResolverView& view : views) {
    if (view.state == ResolverView::State::files) continue;
    warnings.push_back("resolver " + std::string(resolver_state_name(view.state)) + ": " +
                       view.name + ": this machine answers " + addresses_words(view.system) +
                       "; hosts file " + addresses_words(view.files) + "; DNS " +
                       addresses_words(view.dns));
  }
  return warnings;
}

std::string dns_words(const std::vector<ResolverView>& views) {
  if (views.empty()) return "not asked";
  const bool answered = std::any_of(views.begin(), views.end(), [](const ResolverView& view) {
    return view.dns.status == AskResult::Status::found ||
           view.dns.status == AskResult::Status::not_found;
  });
  return answered ? "answers" : "DEAD";
}

std::string verdict_line(const VerifyFindings& findings, const Tally& tally, ExitCode code) {
  const Applied& applied = *findings.applied;
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (pins_code(applied) != ExitCode::ok) add("block " + pins_words(applied));
  if (findings.probes) {
    std::size_t down = 0;
    for (const ServiceReport& service : findings.probes->services) {
      if (service.state == ServiceState::down) {
        ++down;
        if (down <= 3) add(service.service + " unreachable");
      }
    }
    if (down > 3) add(std::to_string(down - 3) + " more unreachable");
    const std::size_t checks = findings.probes->checks.size();
    add(checks == 0 ? "no checks to make"
                    : std::to_string(tally.ok + tally.warnings) + " of " + std::to_string(checks) +
                          " checks ok");
  }
  if (code == ExitCode::ok || text.empty()) {
    add(std::to_string(applied.pins.size()) + " lines pinned as signed");
  }
  return text;
}

void print_header(Console& console, const VerifyFindings& findings) {
  const Standing& standing = *findings.standing;
  const Manifest& manifest = standing.current->manifest();
  std::string line = "manifest " + std::to_string(manifest.version) + " of " + manifest.fleet +
                     ", issued " + format_span(standing.now - manifest.issued) + " ago, " +
                     (standing.current->expired(standing.now) ? "EXPIRED " : "expires in ") +
                     format_span(manifest.expires - standing.now) +
                     (standing.current->expired(standing.now) ? " ago" : "") + "; block " +
                     pins_words(*findings.applied);
  if (findings.resolver) line += "; DNS " + dns_words(*findings.resolver);
  console.print(fit(line) + "\n");
}

void print_text(Console& console, const VerifyOptions& verify, const VerifyFindings& findings,
                const Tally& tally, const std::vector<std::string>& warnings) {
  print_header(console, findings);
  const Columns columns = findings.probes ? columns_of(*findings.probes) : Columns{};
  if (findings.probes) {
    for (const AddressReport& check : findings.probes->checks) {
      if (is_down(check.result))
        console.print(console.red("DOWN") + check_line(check, columns) + "\n");
    }
    for (const AddressReport& check : findings.probes->checks) {
      if (is_warning(check.check, check.result)) {
        console.print(console.yellow("WARN") + check_line(check, columns) + "\n");
      }
    }
    for (const AddressReport& check : findings.probes->checks) {
      const bool skipped = check.result.verdict == Verdict::not_tried ||
                           check.result.verdict == Verdict::unsupported;
      if (skipped) console.print("SKIP" + check_line(check, columns) + "\n");
    }
  }
  for (const std::string& warning : warnings) {
    console.print(console.yellow("WARN") + fit("  " + warning) + "\n");
  }
  if (verify.all) {
    if (findings.probes) {
      for (const AddressReport& check : findings.probes->checks) {
        if (check.result.verdict == Verdict::ok && !is_warning(check.check, check.result)) {
          console.print(console.green("ok  ") + check_line(check, columns) + "\n");
        }
      }
    }
    for (const Pin& pin : findings.applied->pins) {
      console.print("pin   " + pin.address.to_string() + "  " + pin.name.text() + "\n");
    }
  } else if (tally.ok > 0) {
    console.print(std::to_string(tally.ok) + (tally.ok == 1 ? " check is" : " checks are") +
                  " fine (--all lists them)\n");
  }
}

Json probes_json(const ProbeReport& probes) {
  Json checks = Json::array();
  for (const AddressReport& check : probes.checks) {
    Json one = {{"service", check.service},
                {"address", check.address.to_string()},
                {"check", check.check.label()},
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

}  // namespace

ExitCode finish_verify(Context& context, const VerifyOptions& verify,
                       const VerifyFindings& findings) {
  std::vector<std::string> warnings = findings.report.warnings;
  ExitCode code = graver(findings.report.code, pins_code(*findings.applied));
  Tally tally;
  if (findings.probes) {
    tally = count(*findings.probes);
    code = graver(code, findings.probes->exit_code());
  }
  if (findings.resolver) {
    const std::vector<std::string> more = resolver_warnings(*findings.resolver);
    if (!more.empty()) code = graver(code, ExitCode::attention);
    warnings.insert(warnings.end(), more.begin(), more.end());
  }
  Json body = {{"manifest", manifest_json(*findings.standing)},
               {"block", block_json(*findings.applied)},
               {"checks", findings.probes ? probes_json(*findings.probes) : Json(nullptr)},
               {"resolver", findings.resolver ? resolver_json(*findings.resolver) : Json(nullptr)},
               {"warnings", warnings}};
  Env& env = context.env;
  (void)finish(
      env, context.options, "verify", code,
      verdict_line(findings, tally, code) + attention_words(warnings.size() + tally.warnings),
      std::nullopt, std::move(body));
  if (context.options.format == OutputFormat::text) {
    print_text(env.console, verify, findings, tally, warnings);
  }
  return code;
}

}  // namespace hostspin
