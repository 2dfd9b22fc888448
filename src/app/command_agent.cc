#include <cerrno>
#include <csignal>

#include "agent.h"
#include "alarms.h"
#include "commands.h"
#include "hostspin/time_text.h"
#include "output.h"
#include "pass_record.h"
#include "probing.h"
#include "run_files.h"
#include "standing.h"
#include "sys_error.h"

namespace hostspin {
namespace {

/// The configuration, which must not have vanished: where its directory is just being replaced,
/// say, nobody has asked for the defaults.
Result<Context> configured(Env& env, const CommonOptions& options, bool had_files) {
  Result<Context> context = make_context(env, options);
  if (!context || !had_files || !context->config.files.empty()) return context;
  return {Errc::bad_config,
          "nothing is configured any more: " + context->store.paths().config +
              " has neither a hostspin.toml nor a conf.d/*.toml",
          "put the files back, or restart the agent to run it with the defaults"};
}

/// Copies every file of the configuration to /run/hostspin/`copy`, where passes read it from then
/// on: a file that somebody edits, or spoils, changes nothing before it has been found good.
Result<std::string> copy_config(const Context& context, const std::string& main_file,
                                const std::string& copy) {
  FileSystem& fs = context.env.fs;
  const std::string& root = context.options.root;
  const std::string directory = std::string(kRunDirectory) + "/" + copy;
  int why_not = 0;
  const auto make = [&](const std::string& path, std::uint32_t mode) {
    const SysResult<void> made = fs.make_directory(root, path, mode);
    if (!made && made.error().number != EEXIST && why_not == 0) why_not = made.error().number;
  };
  make("/run", 0755);
  make(std::string(kRunDirectory), 0755);
  make(directory, 0700);  // whoever may not read the configuration may not read its copy
  make(directory + "/conf.d", 0700);
  const SysResult<Handle> old = fs.open_directory(root, directory + "/conf.d");
  if (!old) return sys_error(why_not != 0 ? why_not : old.error().number, "make " + directory);
  if (const SysResult<std::vector<std::string>> names = fs.list(*old)) {
    for (const std::string& name : *names) (void)fs.unlink(*old, name);  // of the copy before last
  }
  (void)fs.close(*old);  // nothing here has to survive a power cut

  // What was judged, not what is on disk by now.
  std::string main_text;
  for (const ConfigFile& file : context.config.files) {
    if (file.path == main_file) {
      main_text = file.text;
      continue;
    }
    const std::string name = file.path.substr(file.path.rfind('/') + 1);
    if (Result<void> done =
            write_state_file(fs, root, directory + "/conf.d", name, file.text, /*durable=*/false);
        !done) {
      return std::move(done).error();
    }
  }
  if (Result<void> done =
          write_state_file(fs, root, directory, "hostspin.toml", main_text, /*durable=*/false);
      !done) {
    return std::move(done).error();
  }
  return directory + "/hostspin.toml";
}

AgentSettings settings_of(const Context& context, const std::string& config_file) {
  AgentSettings settings;
  settings.refresh_interval = context.config.refresh_interval;
  settings.refresh_splay = context.config.refresh_splay;
  settings.refresh_deadline = context.config.refresh_deadline;
  settings.probe_interval = context.config.verify_interval;
  settings.probe_deadline = context.config.verify_deadline;
  settings.has_sources = !context.config.sources.empty();
  settings.has_files = !context.config.files.empty();
  settings.hosts_path = context.config.hosts_path;
  settings.config_file = config_file;
  return settings;
}

/// One round: what the held manifest's checks answer.
Result<void> probe_once(Context& context) {
  Result<Standing> standing = take_standing(context);
  if (!standing) return std::move(standing).error();
  if (!standing->current) {
    record_probes(context, {}, true);  // what was probed is held no more
    return {};
  }
  const Probed probes =
      probe_manifest(context, standing->current->manifest(), {}, context.config.verify_deadline);
  const bool is_whole = probes.failure.empty();
  // What was not tried keeps its alarm; a round that judged nothing leaves what the last one found.
  if (is_whole || probes.has_verdicts()) record_probes(context, probes.report, is_whole);
  if (!is_whole) return {Errc::worker_failed, probes.failure};
  return {};
}

}  // namespace

ExitCode command_agent(Env& env, const CommonOptions& options, const AgentOptions& agent) {
  // A log whose reader has died is no reason to leave the hosts file alone.
  (void)std::signal(SIGPIPE, SIG_IGN);
  const LogLevel most = options.verbose ? LogLevel::debug
                        : options.quiet ? LogLevel::warning
                                        : LogLevel::info;
  Log log(agent.log_format, most, options.root);
  return static_cast<ExitCode>(Agent(env, options, log).run());
}

ExitCode command_agent_settings(Env& env, const CommonOptions& options,
                                const AgentSettingsOptions& wanted) {
  const Result<Context> context = configured(env, options, wanted.had_files);
  record_configuration(env, options, context);
  if (!context) return fail(env, options, "agent-settings", context.error());

  const std::string main_file = options.config_file.empty()
                                    ? context->store.paths().config + "/hostspin.toml"
                                    : options.config_file;
  // Without a /run that can be written the passes read the files themselves, as this one did: one
  // that is named has to be there.
  std::string passes_read = options.config_file;
  if (!wanted.copy.empty()) {
    Result<std::string> copied = copy_config(*context, main_file, wanted.copy);
    if (copied)
      passes_read = std::move(*copied);
    else
      give_hint(env, options, "uncopied", 1, copied.error().detail);
  }
  env.console.print(format_settings(settings_of(*context, passes_read)));
  give_hint(env, options, "exit", 0);
  return ExitCode::ok;
}

ExitCode command_agent_probe(Env& env, const CommonOptions& options) {
  Result<Context> context = make_context(env, options);
  if (!context) return fail(env, options, "agent-probe", context.error());
  if (Result<void> done = probe_once(*context); !done) {
    record_failed_probes(*context, done.error());
    return fail(env, options, "agent-probe", done.error());
  }
  give_hint(env, options, "exit", 0);
  return ExitCode::ok;
}

}  // namespace hostspin
