#pragma once

#include <string>
#include <vector>

#include "clock.h"
#include "config.h"
#include "console.h"
#include "file_system.h"
#include "state_store.h"
#include "worker.h"

namespace hostspin {

/// The outside world, handed in by main.
struct Env {
  FileSystem& fs;
  Clock& clock;
  Worker& worker;
  Console& console;
};

/// The options every command takes.
struct CommonOptions {
  std::string config_file;  ///< empty = /etc/hostspin/hostspin.toml
  std::string root = "/";
  std::string hosts_file;  ///< overrides [hosts] path
  std::string state_dir;   ///< overrides /var/lib/hostspin
  OutputFormat format = OutputFormat::text;
  bool quiet = false;
  bool verbose = false;
  bool no_color = false;
  bool for_agent = false;  ///< a child of the agent's supervisor, which reads what it prints
};

/// One command's run: the world, what was asked, and what was configured.
struct Context {
  Env& env;
  const CommonOptions& options;
  Config config;
  StateStore store;
  /// `[tls] time = "floor"`: certificates are judged at no earlier moment; set once the root is
  /// known.
  std::int64_t certificate_floor = 0;
};

/// Reads the configuration and makes the rest ready. Errc::bad_config.
Result<Context> make_context(Env& env, const CommonOptions& options);
/// The same with a configuration that is there already, such as the defaults.
Result<Context> make_context(Env& env, const CommonOptions& options, Config config);

/// Seconds of the system clock, read once a pass.
[[nodiscard]] std::chrono::sys_seconds system_time(const Env& env);

}  // namespace hostspin
