#include <algorithm>
#include <utility>

#include "apply_report.h"
#include "commands.h"
#include "hostspin/time_text.h"
#include "nearest.h"
#include "output.h"
#include "probing.h"
#include "resolver_view.h"
#include "verify_formats.h"
#include "verify_report.h"

namespace hostspin {
namespace {

/// Names must be the manifest's own, or a typing error would be answered with a reassuring nothing.
Result<void> check_names(const Manifest& manifest, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto gives = [&](const Service& service) {
      const auto is = [&](const HostName& n) { return n.text() == name; };
      return is(service.name) || std::any_of(service.aliases.begin(), service.aliases.end(), is);
    };
    if (std::none_of(manifest.services.begin(), manifest.services.end(), gives)) {
      std::vector<std::string> known;
      for (const Service& service : manifest.services) {
        known.push_back(service.name.text());
        for (const HostName& alias : service.aliases) known.push_back(alias.text());
      }
      return {Errc::usage, "the manifest has no name " + hostspin::quoted(name),
              did_you_mean(name, known) + "'hostspin verify --all' lists every name"};
    }
  }
  return {};
}

std::vector<Pin> pins_of(const Manifest& manifest, const std::vector<Pin>& pins,
                         const std::vector<std::string>& names) {
  if (names.empty()) return pins;
  std::vector<Pin> chosen;
  std::copy_if(pins.begin(), pins.end(), std::back_inserter(chosen), [&](const Pin& pin) {
    return std::any_of(manifest.services.begin(), manifest.services.end(), [&](const Service& s) {
      const auto wanted = [&](const HostName& n) {
        return std::find(names.begin(), names.end(), n.text()) != names.end();
      };
      const auto is = [&](const HostName& n) { return n == pin.name; };
      const bool chosen_service =
          wanted(s.name) || std::any_of(s.aliases.begin(), s.aliases.end(), wanted);
      return chosen_service && (is(s.name) || std::any_of(s.aliases.begin(), s.aliases.end(), is));
    });
  });
  return chosen;
}

/// Between two rounds of --watch: slow enough to be read, and for the probed to bear.
constexpr std::chrono::seconds kWatchPause{2};

struct Round {
  ExitCode code = ExitCode::ok;
  bool judged = false;  ///< false: it could not be done, and would not be the next time either
};

/// Without a manifest there is nothing to probe; a block that is there all the same is of a lost
/// one.
ExitCode say_nothing_to_pin(Env& env, const CommonOptions& options, const VerifyOptions& verify,
                            const VerifyFindings& findings) {
  const bool is_lost = findings.applied->state_lost;
  const Error error{Errc::not_found,
                    is_lost ? "state-lost: no manifest on this machine is as new as the block in "
                              "the hosts file; it was kept as it is"
                            : "no manifest has been adopted on this machine yet",
                    "run 'hostspin refresh'"};
  const ExitCode code = graver(findings.report.code, ExitCode::attention);
  if (print_failure(env.console, verify.format, error, code)) return code;
  return finish(env, options, "verify", code,
                is_lost ? error.detail : "nothing to pin: " + error.detail, std::nullopt,
                {{"manifest", nullptr}, {"block", block_json(*findings.applied)}});
}

/// Probes and the resolver's questions run at the same time, so that one deadline bounds both. A
/// worker that fails takes with it only what it left open.
void look(Context& context, const VerifyOptions& verify, const std::vector<std::string>& names,
          VerifyFindings& findings) {
  if (verify.offline) return;
  const Manifest& manifest = findings.standing->current->manifest();
  const std::chrono::milliseconds deadline =
      verify.deadline.value_or(context.config.verify_deadline);
  std::optional<ResolverInquiry> inquiry;
  if (!verify.no_resolver) {
    Result<ResolverInquiry> started =
        ResolverInquiry::start(context, pins_of(manifest, findings.applied->pins, names), deadline);
    if (started) {
      inquiry = std::move(*started);
    } else if (started.error().code == Errc::not_found) {
      findings.no_glibc = true;
    } else {
      findings.resolver_failed = started.error().detail;
    }
  }
  Probed probed = probe_manifest(context, manifest, names, deadline, !verify.explain.empty());
  findings.probes = std::move(probed.report);
  findings.probes_failed = std::move(probed.failure);
  if (!inquiry) return;
  context.env.console.progress("asking this machine's resolver");
  ResolverFindings resolver = inquiry->collect();
  context.env.console.end_progress();
  if (resolver.no_glibc) {
    findings.no_glibc = true;
    return;
  }
  findings.resolver_failed = resolver.failure;
  findings.resolver = std::move(resolver);
}

Round verify_once(Env& env, const CommonOptions& options, const VerifyOptions& verify) {
  const auto failed = [&](const Error& error) {
    return Round{fail_verify(env, options, verify, error), false};
  };
  Result<Context> context = make_context(env, options);
  if (!context) return failed(context.error());
  Result<Standing> standing = read_standing(*context);
  if (!standing) return failed(standing.error());
  Result<Applied> applied = preview_standing(*context, *standing);
  if (!applied) return failed(applied.error());

  VerifyFindings findings;
  findings.standing = &*standing;
  findings.applied = &*applied;
  findings.report = report_apply(*context, *standing, *applied);
  findings.clock = system_time(env);
  if (!standing->current) return {say_nothing_to_pin(env, options, verify, findings), false};
  std::vector<std::string> names = verify.names;
  if (!verify.explain.empty()) names.push_back(verify.explain);
  if (Result<void> known = check_names(standing->current->manifest(), names); !known) {
    return failed(known.error());
  }
  look(*context, verify, names, findings);
  return {finish_verify(*context, verify, findings), true};
}

}  // namespace

ExitCode command_verify(Env& env, const CommonOptions& options, const VerifyOptions& verify) {
  for (;;) {
    const Round round = verify_once(env, options, verify);
    // An interrupt ends the watch, and so does a reader that is gone.
    if (!verify.watch || !round.judged || !env.console.flush()) return round.code;
    env.clock.sleep(kWatchPause);
  }
}

}  // namespace hostspin
