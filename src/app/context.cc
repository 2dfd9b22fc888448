#include "context.h"

namespace hostspin {

Result<Context> make_context(Env& env, const CommonOptions& options) {
  const bool named = !options.config_file.empty();
  const std::string file = named ? options.config_file : StatePaths().config + "/hostspin.toml";
  Result<Config> config = load_config(env.fs, options.root, file, named);
  if (!config) return std::move(config).error();
  return make_context(env, options, std::move(*config));
}

Result<Context> make_context(Env& env, const CommonOptions& options, Config config) {
  StatePaths paths;
  paths.root = options.root;
  if (!options.state_dir.empty()) paths.state = options.state_dir;
  if (!options.hosts_file.empty()) config.hosts_path = options.hosts_file;
  return Context{env, options, std::move(config), StateStore(env.fs, std::move(paths))};
}

std::chrono::sys_seconds system_time(const Env& env) {
  return std::chrono::floor<std::chrono::seconds>(env.clock.now());
}

}  // namespace hostspin
