#include "verify_report.h"

#include <algorithm>

#include "apply_report.h"
#include "hostspin/time_text.h"
#include "output.h"
#include "verify_formats.h"
#include "verify_json.h"
#include "verify_text.h"

namespace hostspin {
namespace {

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

VerifyTally count(const ProbeReport& probes) {
  VerifyTally tally;
  for (const AddressReport& check : probes.checks) {
    if (is_down(check.result)) {
      ++tally.down;
    } else if (is_skipped(check.result)) {
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

/// Names that are pinned in one family, and whose other one this machine asks somebody else for.
std::vector<std::string> one_family_notes(const std::vector<ResolverView>& views) {
  struct Family {
    std::string name;
    std::string words;
  };
  std::vector<std::string> notes;
  for (const Family& family : {Family{"inet6", "IPv6"}, Family{"inet", "IPv4"}}) {
    const auto leaks = std::count_if(views.begin(), views.end(), [&](const ResolverView& view) {
      return std::find(view.one_family.begin(), view.one_family.end(), family.name) !=
             view.one_family.end();
    });
    if (leaks == 0) continue;
    notes.push_back(std::to_string(leaks) + (leaks == 1 ? " name has" : " names have") + " no " +
                    family.words + " pin: who wants " + family.words +
                    " alone gets what DNS says, or waits");
  }
  return notes;
}

/// Parts joined by ", " as long as the line fits; the rest is left out, the last part never.
class Line {
 public:
  explicit Line(std::size_t room) : room_(room) {}
  [[nodiscard]] bool fits(const std::string& part) const {
    return text_.size() + part.size() + 2 <= room_;
  }
  void add(const std::string& part) { text_ += (text_.empty() ? "" : ", ") + part; }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::size_t room_;
  std::string text_;
};

void add_services(const ProbeReport& probes, const VerifyTally& tally, Line& line) {
  constexpr std::size_t kNamesMax = 3;
  std::size_t named = 0;
  std::size_t down = 0;
  for (const ServiceReport& service : probes.services) {
    if (service.state != ServiceState::down) continue;
    ++down;
    const std::string part = service.service + " unreachable";
    if (named == down - 1 && named < kNamesMax && line.fits(part)) {
      line.add(part);
      ++named;
    }
  }
  if (down > named) {
    line.add(std::to_string(down - named) + (named == 0 ? " services" : " more") + " unreachable");
  }
  const auto partly = std::count_if(
      probes.services.begin(), probes.services.end(), [](const ServiceReport& service) {
        return service.state == ServiceState::degraded && service.addresses_down > 0;
      });
  if (partly > 0 && down == 0)
    line.add(std::to_string(partly) + (partly == 1 ? " service" : " services") + " degraded");
  const std::size_t checks = probes.checks.size();
  line.add(checks == 0 ? "no checks to make"
                       : std::to_string(tally.ok + tally.warnings) + " of " +
                             std::to_string(checks) + " checks ok");
}

std::string verdict_words(const VerifyFindings& findings, const VerifyTally& tally, ExitCode code) {
  constexpr std::size_t kRoomForNames = 50;  // the numbers, which follow, need the rest
  const Applied& applied = *findings.applied;
  Line line(kRoomForNames);
  if (applied.state_lost || (!applied.is_held && pins_code(applied) != ExitCode::ok)) {
    line.add("block " + pins_words(applied));
  } else if (applied.is_held) {
    line.add(applied.plan.drift == Drift::none ? "block as signed" : "block not as signed");
  }
  if (!findings.probes_failed.empty()) line.add("probing broke off");
  if (findings.probes) add_services(*findings.probes, tally, line);
  if (code == ExitCode::ok || line.empty()) {
    line.add(count_lines(applied.pins.size()) + " pinned as signed");
  }
  return line.text();
}

}  // namespace

ExitCode pins_code(const Applied& applied) {
  if (applied.state_lost) return ExitCode::critical;
  if (applied.is_held) return ExitCode::attention;  // who holds the file may edit it
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
  if (applied.is_held) {
    return applied.plan.drift == Drift::none
               ? "held, as signed"
               : "held, and not as signed (" + std::string(drift_name(applied.plan.drift)) + ")";
  }
  switch (applied.plan.drift) {
    case Drift::none:
      return "intact";
    case Drift::layout:
      return "intact but re-formatted";
    case Drift::header:
      return "under another header";
    case Drift::content:
      return "ALTERED";
    case Drift::missing:
      return "MISSING";
  }
  return "unknown";
}

std::string endpoint_text(const AddressReport& check) {
  const std::string address = check.address.to_string();
  const std::string host = check.address.is_v6() ? "[" + address + "]" : address;
  return check.check.port == 0 ? host : host + ":" + std::to_string(check.check.port);
}

VerifyJudgement judge_verify(const VerifyFindings& findings) {
  VerifyJudgement judgement;
  judgement.warnings = findings.report.warnings;
  judgement.code = graver(findings.report.code, pins_code(*findings.applied));
  const auto warn = [&](std::string text) {
    judgement.warnings.push_back(std::move(text));
    judgement.code = graver(judgement.code, ExitCode::attention);
  };
  if (std::string clock = clock_words(findings.clock, findings.standing->now); !clock.empty()) {
    warn(std::move(clock));
  }
  if (findings.probes) {
    judgement.tally = count(*findings.probes);
    judgement.code = graver(judgement.code, findings.probes->exit_code());
  }
  if (!findings.probes_failed.empty()) {
    // Where nothing could be judged the exit code says that, and not that all else is fine.
    const VerifyTally& tally = judgement.tally;
    const bool judged = tally.ok + tally.warnings + tally.down > 0;
    judgement.warnings.push_back("probing broke off: " + findings.probes_failed);
    judgement.code = graver(judgement.code, judged ? ExitCode::attention : ExitCode::unknown);
  }
  if (!findings.resolver_failed.empty()) {
    warn("this machine's resolver could not be asked: " + findings.resolver_failed);
  }
  if (findings.resolver) {
    for (std::string& text : resolver_warnings(findings.resolver->views)) warn(std::move(text));
    judgement.notes = one_family_notes(findings.resolver->views);
  }
  if (findings.no_glibc) judgement.notes.push_back("no glibc here: the resolver is not asked");
  judgement.verdict = held_words(*findings.applied) +
                      verdict_words(findings, judgement.tally, judgement.code) +
                      attention_words(judgement.warnings.size() + judgement.tally.warnings);
  return judgement;
}

ExitCode finish_verify(Context& context, const VerifyOptions& verify,
                       const VerifyFindings& findings) {
  const VerifyJudgement judgement = judge_verify(findings);
  Console& console = context.env.console;
  if (!findings.probes_failed.empty()) {
    console.error(Error{Errc::worker_failed, findings.probes_failed});
  }
  switch (verify.format) {
    case VerifyFormat::nagios:
      console.forbid_color();
      console.print(verify_nagios(console, findings, judgement));
      return judgement.code;
    case VerifyFormat::prometheus:
      console.print(verify_prometheus(findings, judgement));
      return judgement.code;
    case VerifyFormat::junit:
      console.print(verify_junit(findings, judgement));
      return judgement.code;
    case VerifyFormat::plain:
      break;
  }
  if (verify.watch) {
    console.repaint(console.verdict_line(judgement.code, judgement.verdict) +
                    format_utc(findings.clock) + "\n" +
                    verify_text(console, verify, findings, judgement, true));
    return judgement.code;
  }
  const bool text = context.options.format == OutputFormat::text;
  (void)finish(context.env, context.options, "verify", judgement.code, judgement.verdict,
               std::nullopt, text ? Json::object() : verify_json(findings, judgement));
  if (text) console.print(verify_text(console, verify, findings, judgement, verify.all));
  return judgement.code;
}

bool print_failure(Console& console, VerifyFormat format, const Error& error, ExitCode code) {
  switch (format) {
    case VerifyFormat::prometheus:
      console.error(error);
      console.print(failed_prometheus(code));
      return true;
    case VerifyFormat::junit:
      console.error(error);
      console.print(failed_junit(error));
      return true;
    case VerifyFormat::nagios:  // the verdict line is what Nagios reads
    case VerifyFormat::plain:
      return false;
  }
  return false;
}

ExitCode fail_verify(Env& env, const CommonOptions& options, const VerifyOptions& verify,
                     const Error& error) {
  const ExitCode code = exit_code_for(error.code);
  if (print_failure(env.console, verify.format, error, code)) return code;
  return fail(env, options, "verify", error);
}

}  // namespace hostspin
