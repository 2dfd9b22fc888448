#include "command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include "commands.h"
#include "journal.h"
#include "nearest.h"
#include "version_report.h"

namespace hostspin {
namespace {

constexpr const char* kDescription =
    "hostspin keeps critical names in /etc/hosts as the fleet's operators signed them,\n"
    "so that they resolve when DNS does not. Nothing in it ever resolves a name.";

constexpr const char* kFooter =
    "Exit codes: 0 fine, 1 needs attention, 2 critical, 3 could not judge.\n"
    "Examples:\n"
    "  hostspin refresh                 fetch, verify and adopt the newest manifest\n"
    "  hostspin verify                  is every name pinned, and does every address answer?\n"
    "  hostspin diff                    what would apply change?\n"
    "See hostspin(8) and hostspin.toml(5). Desk commands: hostspin sign --help.";

/// Everything the command line can say.
struct Arguments {
  CommonOptions common;
  ApplyOptions apply;
  RefreshOptions refresh;
  AgentOptions agent;
  AgentSettingsOptions settings;
  VerifyOptions verify;
  std::string verify_deadline;
  bool is_verify = false;
  std::string hold_reason;
  std::string note_file;
  std::string offer_file;
  RemoveOptions remove;
  bool repair_dry_run = false;
  bool reset_yes = false;
  bool doctor_all = false;
  std::string runbook_format = "text";
  std::string output = "text";
};

void add_common_options(CLI::App& app, Arguments& arguments) {
  CommonOptions& common = arguments.common;
  app.add_option("--config", common.config_file, "configuration file (/etc/hostspin/hostspin.toml)")
      ->type_name("FILE");
  app.add_option("--root", common.root, "work on everything below DIR: image bakes, tests")
      ->type_name("DIR");
  app.add_option("--hosts-file", common.hosts_file, "the hosts file, instead of [hosts] path")
      ->type_name("FILE");
  app.add_option("--state-dir", common.state_dir, "the state, instead of /var/lib/hostspin")
      ->type_name("DIR");
  app.add_option("--output", arguments.output,
                 "text or json; of verify also nagios, prometheus or junit")
      ->type_name("FORMAT");
  app.add_flag("--quiet,-q", common.quiet, "no warnings on standard error");
  app.add_flag("--verbose,-v", common.verbose, "say more on standard error");
  app.add_flag("--no-color", common.no_color, "no colour, as with NO_COLOR in the environment");
  app.add_flag("--for-agent", common.for_agent, "for the agent itself")->group("");
}

CLI::App* add_command(CLI::App& app, const char* name, const char* what) {
  CLI::App* command = app.add_subcommand(name, what);
  command->fallthrough();  // common options may follow the command
  return command;
}

void add_commands(CLI::App& app, Arguments& arguments) {
  CLI::App* apply = add_command(
      app, "apply", "put the newest verified manifest on this machine into the hosts file");
  apply->add_flag("--unattended", arguments.apply.unattended,
                  "leave the file alone for a while where another program keeps reverting it");
  CLI::App* refresh = add_command(app, "refresh", "one update cycle, then apply and probe");
  refresh->add_flag("--now", arguments.refresh.now,
                    "do not wait for this host's turn in a staged rollout");
  refresh->add_flag("--dry-run", arguments.refresh.dry_run,
                    "fetch and judge, and store nothing: what a refresh would do");
  refresh
      ->add_option("--from", arguments.refresh.from,
                   "a note or a published directory by hand, instead of the sources")
      ->type_name("PATH");
  CLI::App* agent =
      add_command(app, "agent", "the resident daemon: apply, refresh on an interval, heal drift");
  agent
      ->add_option("--log-format", arguments.agent.log_format,
                   "auto (the journal where systemd runs it, else text), journal, text or json")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"auto", "journal", "text", "json"}));

  CLI::App* verify = add_command(app, "verify", "the incident command; changes nothing");
  verify->add_option("NAME", arguments.verify.names, "only these names of the manifest");
  verify->add_flag("--all", arguments.verify.all, "list what is fine as well");
  verify->add_flag("--offline", arguments.verify.offline, "the pins only: no probe, no resolver");
  verify->add_flag("--watch", arguments.verify.watch, "again every 2 s, until interrupted");
  verify
      ->add_option("--explain", arguments.verify.explain,
                   "the way to each address of one name, and who refuses")
      ->type_name("NAME");
  verify->add_flag("--no-resolver", arguments.verify.no_resolver,
                   "do not ask this machine's resolver");
  verify
      ->add_option("--deadline", arguments.verify_deadline,
                   "instead of [verify] deadline, such as 2s")
      ->type_name("TIME");

  add_command(app, "status", "what is pinned, from where, and how the last refresh went");
  add_command(app, "diff", "what apply would change, as a unified diff")
      ->add_option("NOTE", arguments.offer_file, "what adopting this manifest would change");
  CLI::App* inspect =
      add_command(app, "inspect", "who signed a note, and would this host accept it?");
  inspect->add_option("NOTE", arguments.note_file, "a manifest or root note")->required();
  CLI::App* trust = add_command(app, "trust", "the root chain held on this machine");
  CLI::App* reset = add_command(*trust, "reset", "forget all but the baked root and seed");
  reset->add_flag("--yes", arguments.reset_yes, "yes, this host may be shown old manifests again");
  CLI::App* hold = add_command(app, "hold", "leave the hosts file alone until 'release'");
  hold->add_option("--reason", arguments.hold_reason, "shown by status and verify")
      ->type_name("TEXT");
  add_command(app, "release", "end a hold");
  CLI::App* remove = add_command(app, "remove", "take the block out, and hold");
  remove->add_flag("--no-hold", arguments.remove.no_hold,
                   "do not hold: an agent or guard that runs puts it back");
  remove->add_flag("--for-package", arguments.remove.for_package, "for the package's scripts")
      ->group("");
  CLI::App* repair = add_command(app, "repair", "put damaged markers right");
  repair->add_flag("--dry-run", arguments.repair_dry_run, "only show what would be done");
  CLI::App* doctor =
      add_command(app, "doctor", "what on this machine could defeat the pins, and the remedies");
  doctor->add_flag("--all", arguments.doctor_all, "list what is fine as well");
  CLI::App* runbook = add_command(app, "runbook", "the manifest as a page for people");
  runbook->add_option("--format", arguments.runbook_format, "text, markdown or html")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"text", "markdown", "html"}));
  CLI::App* settings = add_command(app, "agent-settings", "for the agent itself")->group("");
  settings->add_option("--copy", arguments.settings.copy);
  settings->add_flag("--had-files", arguments.settings.had_files);
  add_command(app, "agent-probe", "for the agent itself")->group("");
}

/// `hostspin sign …` runs the sibling program, as git does. Returns only where that fails.
int run_sibling(Console& console, const std::string& name, char** arguments) {
  std::error_code error;
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (own.parent_path().parent_path() / "bin" / name).string();
  std::string program = name;
  arguments[0] = program.data();
  execv(path.c_str(), arguments);
  console.error(Error{Errc::not_found, "cannot run " + path + ": " + std::strerror(errno),
                      "install the desk tool beside hostspin"});
  return static_cast<int>(ExitCode::unknown);
}

/// The command that was understood last, as it is typed: "hostspin trust reset".
const CLI::App& last_command(const CLI::App& app, std::string& spelled) {
  const CLI::App* at = &app;
  spelled = at->get_name();
  for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands()) {
    at = chosen.back();
    spelled += " " + at->get_name();
  }
  return *at;
}

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* one : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!one->get_group().empty()) names.push_back(one->get_name());
  }
  return names;
}

/// Its own, and those of every command, with their dashes.
std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* at = &command; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      if (option->get_group().empty()) continue;
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
      for (const std::string& name : option->get_snames()) names.push_back("-" + name);
    }
  }
  return names;
}

/// The library's own words, in the form of ours.
std::string complaint(const CLI::ParseError& error) {
  std::string text = error.what();
  while (!text.empty() && (text.back() == '.' || text.back() == '\n')) text.pop_back();
  if (text.size() > 1 && text[1] >= 'a' && text[1] <= 'z' && text[0] >= 'A' && text[0] <= 'Z') {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

/// What is wrong with the command line, the nearest word that is right, and the page that has it.
Error explain_usage(const CLI::App& app, const CLI::ParseError& error) {
  std::string spelled;
  const CLI::App& command = last_command(app, spelled);
  const std::vector<std::string> left = app.remaining(true);
  const bool at_top = &command == &app;
  const std::string page =
      "'" + spelled + " --help' shows " + (at_top ? "the commands" : "what it takes");
  if (left.empty()) return {Errc::usage, complaint(error), page};
  const std::string word = left.front().substr(0, left.front().find('='));
  const std::string shown = hostspin::quoted(word);
  if (word.size() > 1 && word.front() == '-') {
    const std::vector<std::string> known = options_of(command);
    if (!at_top && std::find(known.begin(), known.end(), word) != known.end()) {
      return {Errc::usage, "the option " + shown + " stands before its command",
              "put it after '" + spelled + "'"};
    }
    return {Errc::usage, "there is no option " + shown + (at_top ? "" : " of '" + spelled + "'"),
            did_you_mean(word, known) + page};
  }
  const std::vector<std::string> commands = commands_of(command);
  if (commands.empty()) {
    return {Errc::usage, "'" + spelled + "' does not take the argument " + shown, page};
  }
  // "trust rset" of "hostspin trust rset".
  const std::string typed = spelled.substr(app.get_name().size()) + " " + word;
  const bool asks_for_help = at_top && word == "help";  // no slip of a command's name
  return {Errc::usage, "there is no command " + hostspin::quoted(typed.substr(1)),
          (asks_for_help ? "" : did_you_mean(word, commands)) + page};
}

/// `path` without "." and ".." and without a slash at its end, from the current directory on.
std::string absolute(const std::string& path) {
  std::error_code error;
  std::string made = std::filesystem::absolute(path, error).lexically_normal().string();
  if (path.empty() || error) return path;
  while (made.size() > 1 && made.ends_with('/')) made.pop_back();
  return made;
}

Result<void> choose_output(Arguments& arguments) {
  const std::string& output = arguments.output;
  VerifyFormat& format = arguments.verify.format;
  if (arguments.verify.watch && output != "text") {
    return {Errc::usage, "--watch goes with --output text alone"};
  }
  if (output == "text") return {};
  if (output == "json") {
    arguments.common.format = OutputFormat::json;
  } else if (arguments.is_verify && output == "nagios") {
    format = VerifyFormat::nagios;
  } else if (arguments.is_verify && output == "prometheus") {
    format = VerifyFormat::prometheus;
  } else if (arguments.is_verify && output == "junit") {
    format = VerifyFormat::junit;
  } else {
    const std::string known =
        arguments.is_verify ? "text, json, nagios, prometheus or junit" : "text or json";
    std::vector<std::string> words{"text", "json"};
    if (arguments.is_verify) words.insert(words.end(), {"nagios", "prometheus", "junit"});
    return {Errc::usage, "--output must be " + known + ", not " + hostspin::quoted(output),
            did_you_mean(output, words) + "'hostspin" + (arguments.is_verify ? " verify" : "") +
                " --help' shows what it takes"};
  }
  return {};
}

/// What can only be checked once the whole line has been read.
Result<void> finish_arguments(Arguments& arguments) {
  if (Result<void> chosen = choose_output(arguments); !chosen) return chosen;
  CommonOptions& common = arguments.common;
  common.root = absolute(common.root);
  arguments.refresh.from = absolute(arguments.refresh.from);
  common.config_file = absolute(common.config_file);
  common.hosts_file = absolute(common.hosts_file);
  common.state_dir = absolute(common.state_dir);
  std::error_code error;
  if (!std::filesystem::is_directory(common.root, error)) {
    return {Errc::usage, "--root " + hostspin::quoted(common.root) + " is not a directory"};
  }
  if (!arguments.verify_deadline.empty()) {
    Result<std::chrono::milliseconds> deadline = parse_duration(arguments.verify_deadline);
    if (!deadline || deadline->count() < 1 || *deadline > std::chrono::minutes(10)) {
      return {Errc::usage, "--deadline must be a time such as 2s, up to 10m"};
    }
    arguments.verify.deadline = *deadline;
  }
  const std::string& reason = arguments.hold_reason;
  const bool plain =
      std::all_of(reason.begin(), reason.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
  if (!plain || reason.size() > 200) {
    return {Errc::usage, "--reason must be at most 200 printable ASCII characters"};
  }
  return {};
}

/// After a pass with something to tell, and with the lock given back: who looks for it by unit
/// finds nothing if this process is gone before journald has read the entry.
ExitCode once_read(const CommonOptions& options, ExitCode code) {
  if (code != ExitCode::ok && !options.for_agent) Journal(options.root).wait_until_read();
  return code;
}

ExitCode run_command(const CLI::App& app, Env& env, const Arguments& arguments) {
  const CommonOptions& common = arguments.common;
  const auto said = [&](const char* name) { return app.got_subcommand(name); };
  if (said("apply")) return once_read(common, command_apply(env, common, arguments.apply));
  if (said("refresh")) return once_read(common, command_refresh(env, common, arguments.refresh));
  if (said("agent")) return command_agent(env, common, arguments.agent);
  if (said("verify")) return command_verify(env, common, arguments.verify);
  if (said("status")) return command_status(env, common);
  if (said("diff")) return command_diff(env, common, arguments.offer_file);
  if (said("inspect")) return command_inspect(env, common, arguments.note_file);
  if (said("trust")) {
    const bool reset = app.get_subcommand("trust")->got_subcommand("reset");
    return reset ? command_trust_reset(env, common, arguments.reset_yes)
                 : command_trust(env, common);
  }
  if (said("doctor")) return command_doctor(env, common, arguments.doctor_all);
  if (said("runbook")) return command_runbook(env, common, arguments.runbook_format);
  if (said("hold")) return command_hold(env, common, arguments.hold_reason);
  if (said("release")) return command_release(env, common);
  if (said("remove")) return command_remove(env, common, arguments.remove);
  if (said("repair")) return command_repair(env, common, arguments.repair_dry_run);
  if (said("agent-probe")) return command_agent_probe(env, common);
  return command_agent_settings(env, common, arguments.settings);
}

}  // namespace

int run_hostspin(int argc, char** argv, Env& env, const Linkage& linkage) {
  // A file that may not grow (RLIMIT_FSIZE) is an error to report, not a silent death.
  (void)std::signal(SIGXFSZ, SIG_IGN);
  if (argc > 1 && std::string_view(argv[1]) == "sign") {
    return run_sibling(env.console, "hostspin-sign", argv + 1);
  }
  Arguments arguments;
  try {
    CLI::App app(kDescription, "hostspin");
    app.footer(kFooter);
    app.require_subcommand(1);
    add_common_options(app, arguments);
    // Behind the options that change what it prints: it ends the reading of them.
    app.set_version_flag("--version", std::string(),
                         "the version; with --verbose also what is compiled in");
    add_commands(app, arguments);
    bool asks_for_version = false;
    try {
      app.parse(argc, argv);
    } catch (const CLI::CallForVersion&) {
      asks_for_version = true;
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == 0) return app.exit(error);  // --help
      env.console.error(explain_usage(app, error));
      return static_cast<int>(ExitCode::unknown);
    }
    arguments.is_verify = app.got_subcommand("verify");
    if (Result<void> done = finish_arguments(arguments); !done) {
      env.console.error(done.error());
      return static_cast<int>(ExitCode::unknown);
    }
    env.console.set_quiet(arguments.common.quiet);
    env.console.set_verbose(arguments.common.verbose);
    if (arguments.common.no_color) env.console.forbid_color();
    const ExitCode code = asks_for_version ? report_version(env, arguments.common, linkage)
                                           : run_command(app, env, arguments);
    if (env.console.flush()) return static_cast<int>(code);
    env.console.error({Errc::io_error, "cannot write to standard output",
                       "check the disk or the program that reads it; what was done is done"});
    return static_cast<int>(ExitCode::unknown);
  } catch (const std::exception& error) {
    // CLI11, the JSON library and memory are all that throw here; nothing is half done by then.
    env.console.error(Error{Errc::internal, std::string("unexpected: ") + error.what()});
    return static_cast<int>(ExitCode::critical);
  }
}

}  // namespace hostspin
