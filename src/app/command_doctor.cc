#include <algorithm>

#include "commands.h"
#include "converge.h"
#include "doctor.h"
#include "host_facts.h"
#include "output.h"
#include "standing.h"

namespace hostspin {
namespace {

ExitCode code_of(const std::vector<Finding>& findings) {
  ExitCode code = ExitCode::ok;
  for (const Finding& finding : findings) {
    if (finding.severity == Finding::Severity::warning) code = graver(code, ExitCode::attention);
    if (finding.severity == Finding::Severity::critical) code = graver(code, ExitCode::critical);
  }
  return code;
}

std::string paint(const Console& console, Finding::Severity severity) {
  std::string word(severity_name(severity));
  word.resize(9, ' ');
  switch (severity) {
    case Finding::Severity::ok:
      return console.green(word);
    case Finding::Severity::info:
      return word;
    case Finding::Severity::warning:
      return console.yellow(word);
    case Finding::Severity::critical:
      return console.red(word);
  }
  return word;
}

void print_findings(Console& console, const std::vector<Finding>& findings, bool all) {
  std::size_t fine = 0;
  for (const Finding& finding : findings) {
    if (finding.severity == Finding::Severity::ok && !all) {
      ++fine;
      continue;
    }
    console.print(paint(console, finding.severity) + finding.code + ": " + finding.what + "\n");
    if (!finding.remedy.empty()) console.print("         remedy: " + finding.remedy + "\n");
  }
  if (fine > 0) console.print(std::to_string(fine) + " more are fine (--all lists them)\n");
}

std::string verdict_of(const std::vector<Finding>& findings) {
  const auto count = [&](Finding::Severity severity) {
    return std::count_if(findings.begin(), findings.end(),
                         [&](const Finding& f) { return f.severity == severity; });
  };
  const auto critical = count(Finding::Severity::critical);
  const auto warnings = count(Finding::Severity::warning);
  if (critical == 0 && warnings == 0) return "nothing on this machine defeats the pins";
  std::string words;
  if (critical > 0) words = std::to_string(critical) + " critical";
  if (warnings > 0) {
    words += (words.empty() ? "" : ", ") + std::to_string(warnings) +
             (warnings == 1 ? " warning" : " warnings");
  }
  return words + " of " + std::to_string(findings.size()) + " findings";
}

}  // namespace

// Works with whatever is there: a broken configuration or trust root is a finding, not an end.
ExitCode command_doctor(Env& env, const CommonOptions& options, bool all) {
  DoctorInput input;
  input.root = options.root;
  input.now = system_time(env);
  if (!options.hosts_file.empty()) input.hosts_path = options.hosts_file;
  std::vector<Finding> findings;
  Result<Context> context = make_context(env, options);
  if (!context) {
    findings.push_back({"configuration", Finding::Severity::critical, context.error().detail,
                        std::string(context.error().advice())});
  } else {
    input.hosts_path = context->config.hosts_path;
    input.state_directory = context->store.paths().state;
    input.write = context->config.write;
    Result<Standing> standing = take_standing(*context);
    if (!standing) {
      input.trust_root = standing.error();
    } else if (standing->current) {
      input.pins = wanted_pins(standing->current->manifest(), own_names(env.fs, options.root));
    } else {
      input.manifest = Error{Errc::not_found, "no manifest has been adopted on this machine yet",
                             "run 'hostspin refresh'"};
    }
  }
  for (Finding& finding : examine_machine(env.fs, input)) findings.push_back(std::move(finding));
  for (Finding& finding : examine_workers(env.worker)) findings.push_back(std::move(finding));
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });

  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back({{"code", finding.code},
                    {"severity", severity_name(finding.severity)},
                    {"what", finding.what},
                    {"remedy", finding.remedy}});
  }
  const ExitCode code = finish(env, options, "doctor", code_of(findings), verdict_of(findings),
                               std::nullopt, {{"findings", std::move(list)}});
  if (options.format == OutputFormat::text) print_findings(env.console, findings, all);
  return code;
}

}  // namespace hostspin
