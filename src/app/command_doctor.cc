#include <algorithm>
#include <optional>

#include "bounded_examination.h"
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

/// How many findings of what kind, and the gravest of them.
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
  // Sorted: the first is the gravest.
  return words + " of " + std::to_string(findings.size()) + " findings: " + findings.front().what;
}

/// What is to be held against the machine, and what is wrong with that already.
void prepare(Env& env, const CommonOptions& options, DoctorInput& input, const FindingSink& sink) {
  input.root = options.root;
  input.now = system_time(env);
  if (!options.hosts_file.empty()) input.hosts_path = options.hosts_file;
  sink.at("the configuration");
  Result<Context> context = make_context(env, options);
  if (!context) {
    if (context.error().code == Errc::denied) {
      input.unreadable = context.error();
    } else {
      sink.add({"configuration", Finding::Severity::critical, context.error().detail,
                std::string(context.error().advice())});
    }
    return;
  }
  input.hosts_path = context->config.hosts_path;
  input.state_directory = context->store.paths().state;
  input.write = context->config.write;
  const std::vector<Source>& sources = context->config.sources;
  input.needs_instance_credentials =
      std::any_of(sources.begin(), sources.end(),
                  [](const Source& source) { return source.kind == Source::Kind::s3; });
  sink.at("the trust root and the state");
  Result<Standing> standing = read_standing(*context);
  if (!standing) {
    (standing.error().code == Errc::denied ? input.unreadable : input.trust_root) =
        standing.error();
  } else if (standing->current) {
    input.pins = wanted_pins(standing->current->manifest(), own_names(env.fs, options.root));
  } else {
    input.manifest = Error{Errc::not_found, "no manifest has been adopted on this machine yet",
                           "run 'hostspin refresh'"};
  }
}

/// The finding that the pins could not be judged at all; none where they were.
std::optional<Error> find_unreadable(const std::vector<Finding>& findings) {
  const auto found = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.code == kNoPermissionCode;
  });
  if (found == findings.end()) return std::nullopt;
  return Error{Errc::denied, found->what, found->remedy};
}

}  // namespace

// Works with whatever is there: a broken configuration or trust root is a finding, not an end.
ExitCode command_doctor(Env& env, const CommonOptions& options, bool all) {
  std::vector<Finding> findings = examine_within(kExaminationMax, [&](const FindingSink& sink) {
    DoctorInput input;
    prepare(env, options, input, sink);
    (void)examine_machine(env.fs, input, &sink);
  });
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
  ExitCode code = code_of(findings);
  std::string verdict = verdict_of(findings);
  const std::optional<Error> unreadable = find_unreadable(findings);
  if (unreadable) {  // warnings about the rest do not make the pins known
    if (code != ExitCode::critical) code = ExitCode::unknown;
    verdict = unreadable->detail + "; of the rest: " + verdict;
  }
  code = finish(env, options, "doctor", code, verdict, unreadable, {{"findings", std::move(list)}});
  if (options.format == OutputFormat::text) print_findings(env.console, findings, all);
  return code;
}

}  // namespace hostspin
