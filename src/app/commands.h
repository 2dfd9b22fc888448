#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "context.h"
#include "hostspin/report.h"

/// What the commands of hostspin(8) do, one function each. Each speaks through the console and
/// returns the exit code; none throws.
namespace hostspin {

struct ApplyOptions {
  bool unattended = false;  ///< back off where another program keeps reverting the block
};
ExitCode command_apply(Env& env, const CommonOptions& options, const ApplyOptions& apply = {});

struct RefreshOptions {
  bool now = false;
  std::string from;
  bool dry_run = false;  ///< nothing is stored or written; the exit code is that of a refresh
};
ExitCode command_refresh(Env& env, const CommonOptions& options, const RefreshOptions& refresh);

/// What `verify` prints beside text and JSON: for a Nagios-like scheduler, for a Prometheus scrape,
/// and for a CI's test report.
enum class VerifyFormat { plain, nagios, prometheus, junit };

struct VerifyOptions {
  std::vector<std::string> names;             ///< empty = all
  VerifyFormat format = VerifyFormat::plain;  ///< plain: text or JSON, as CommonOptions says
  std::string explain;   ///< a name whose failures are looked into; empty = none
  bool watch = false;    ///< again and again until interrupted
  bool all = false;      ///< list what is fine as well
  bool offline = false;  ///< the pins only
  bool no_resolver = false;
  std::optional<std::chrono::milliseconds> deadline;
};
ExitCode command_verify(Env& env, const CommonOptions& options, const VerifyOptions& verify);

ExitCode command_status(Env& env, const CommonOptions& options);
/// What apply would change, or the adoption of the manifest in the file `note`, judged as an offer.
ExitCode command_diff(Env& env, const CommonOptions& options, const std::string& note = "");

struct RemoveOptions {
  bool no_hold = false;      ///< afterwards; an agent or guard that runs puts the block back
  bool for_package = false;  ///< take the metrics out, heed keep_block_on_remove, never hold
};
ExitCode command_remove(Env& env, const CommonOptions& options, const RemoveOptions& remove);
ExitCode command_hold(Env& env, const CommonOptions& options, const std::string& reason);
ExitCode command_release(Env& env, const CommonOptions& options);
ExitCode command_repair(Env& env, const CommonOptions& options, bool dry_run);

ExitCode command_inspect(Env& env, const CommonOptions& options, const std::string& file);
ExitCode command_trust(Env& env, const CommonOptions& options);
ExitCode command_trust_reset(Env& env, const CommonOptions& options, bool yes);

/// What on this machine could defeat the pins, each finding with its remedy.
ExitCode command_doctor(Env& env, const CommonOptions& options, bool all);
/// The manifest as a page for people; `format` is text, markdown or html.
ExitCode command_runbook(Env& env, const CommonOptions& options, const std::string& format);

struct AgentOptions {
  std::string log_format = "auto";  ///< auto, journal, text or json
};
ExitCode command_agent(Env& env, const CommonOptions& options, const AgentOptions& agent = {});
struct AgentSettingsOptions {
  std::string copy;        ///< copy a good configuration to /run/hostspin/`copy`; empty: nowhere
  bool had_files = false;  ///< the one in force is of files: that there are none is a mistake
};
/// What the agent's supervisor needs of the configuration, as `key=value` lines for its own
/// reading: the supervisor itself parses no TOML. The agent's passes read the copy until the next
/// one is as good.
ExitCode command_agent_settings(Env& env, const CommonOptions& options,
                                const AgentSettingsOptions& wanted);
/// One round of probes for the agent: state, alarms and metrics, and nothing else.
ExitCode command_agent_probe(Env& env, const CommonOptions& options);

}  // namespace hostspin
