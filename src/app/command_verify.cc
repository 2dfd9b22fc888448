#include <algorithm>
#include <utility>

#include "apply_report.h"
#include "commands.h"
#include "hostspin/time_text.h"
#include "output.h"
#include "probing.h"
#include "resolver_view.h"
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
      return {Errc::usage, "the manifest has no name " + hostspin::quoted(name),
              "'hostspin verify --all' lists every name"};
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

}  // namespace

ExitCode command_verify(Env& env, const CommonOptions& options, const VerifyOptions& verify) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "verify", context.error());
  Result<Standing> standing = take_standing(*context);
  if (!standing) return fail(env, options, "verify", standing.error());
  Result<Applied> applied = preview_standing(*context, *standing);
  if (!applied) return fail(env, options, "verify", applied.error());

  VerifyFindings findings;
  findings.standing = &*standing;
  findings.applied = &*applied;
  findings.report = report_apply(*context, *standing, *applied);
  if (!standing->current) {
    return finish(env, options, "verify", ExitCode::attention,
                  "nothing to pin: no manifest has been adopted on this machine yet", std::nullopt);
  }
  const Manifest& manifest = standing->current->manifest();
  if (Result<void> known = check_names(manifest, verify.names); !known) {
    return fail(env, options, "verify", known.error());
  }

  const std::chrono::milliseconds deadline =
      verify.deadline.value_or(context->config.verify_deadline);
  if (!verify.offline) {
    Result<ProbeReport> probes = probe_manifest(*context, manifest, verify.names, deadline);
    if (!probes) return fail(env, options, "verify", probes.error());
    findings.probes = std::move(*probes);
  }
  if (!verify.no_resolver && !verify.offline) {
    Result<std::vector<ResolverView>> views =
        ask_resolver(*context, pins_of(manifest, applied->pins, verify.names), deadline);
    if (!views) return fail(env, options, "verify", views.error());
    findings.resolver = std::move(*views);
  }
  return finish_verify(*context, verify, findings);
}

}  // namespace hostspin
