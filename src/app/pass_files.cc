#include "pass_files.h"

#include <chrono>

#include "hostspin/time_text.h"

namespace hostspin {

std::int64_t steady_ms(const Env& env) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             env.clock.steady().time_since_epoch())
      .count();
}

std::int64_t wall(const Env& env) { return system_time(env).time_since_epoch().count(); }

std::string run_text(Env& env, const CommonOptions& options, const char* name,
                     std::size_t bytes_max) {
  return read_run_file(env.fs, options.root, name, bytes_max).value_or("");
}

Result<void> store_text(Env& env, const CommonOptions& options, const char* name,
                        const std::string& text) {
  Result<void> kept = write_run_file(env.fs, options.root, name, text);
  if (!kept) env.console.note(kept.error().detail);
  return kept;
}

Reverts load_reverts(Context& context) {
  return Reverts::parse(run_text(context.env, context.options, kRevertsFile),
                        steady_ms(context.env));
}

ProbeBook load_probes(Context& context) {
  const Config& config = context.config;
  if (config.verify_interval.count() == 0) return {};
  ProbeBook probes =
      ProbeBook::parse(run_text(context.env, context.options, kProbesFile, kProbeBookBytesMax));
  // Three rounds, and the refresh that one of them may have waited for.
  const auto limit =
      3 * (config.verify_interval + config.verify_deadline) + config.refresh_deadline;
  probes.forget_old(wall(context.env), std::chrono::ceil<std::chrono::seconds>(limit));
  return probes;
}

}  // namespace hostspin
