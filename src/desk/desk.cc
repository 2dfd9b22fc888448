#include "desk.h"

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <utility>

#include "command.h"
#include "hostspin/version.h"
#include "protection.h"
#include "usage_error.h"
#include "words.h"

namespace hostspin {
namespace desk {
namespace {

constexpr std::string_view kHelp =
    R"(hostspin-sign: keys, trust roots and manifests, on an operator's desk.

Usage: hostspin-sign COMMAND [OPTION…]

Start here
  init DIR             make a working fleet directory: keys, first root, sample manifest

Every day
  bump FILE            raise a manifest's version, set issued and expires
  sign FILE            append a signature, after every check, to what you have seen
  check FILE           say what clients would say, and what deserves a second look
  diff OLD NEW         what changes between two manifests or roots, by meaning
  import KIND FILE     make a manifest draft from Terraform, Consul, Kubernetes, dig or a hosts file

Keys and roots
  keygen NAME -o KEY   make a signing key; prints its verifier key
  vkey NAME FILE       the verifier key of a public key kept elsewhere (HSM, KMS, signify, minisign)
  root new             the text of a fleet's first root
  root next ROOT       the text of its successor, and who must sign it
  text NOTE            what the signatures of a note cover, for other signing tools

Options of every command
  --output text|json   how 'check' and 'diff' print their results
  --quiet, -q          only results and errors
  --no-color           plain text; NO_COLOR is honoured, and only terminals see colour
  --help, --version

Exit status: 0 fine, 1 needs attention, 2 clients would refuse it, 3 could not judge.
'hostspin-sign COMMAND --help' has examples; the whole story is in hostspin-sign(1).
)";

const std::array<const CommandEntry*, 11> kCommands{
    &kKeygenCommand,   &kVkeyCommand, &kInitCommand,  &kRootNewCommand,
    &kRootNextCommand, &kSignCommand, &kCheckCommand, &kBumpCommand,
    &kDiffCommand,     &kTextCommand, &kImportCommand};

constexpr std::string_view kRootHelp =
    R"(Usage: hostspin-sign root new|next [OPTION…]

  root new             the text of a fleet's first root
  root next ROOT       the text of its successor, and who must sign it

'hostspin-sign root new --help' and 'hostspin-sign root next --help' have examples.
)";

void set_help(CLI::App& app, std::string_view help) {
  app.formatter_fn([help](const CLI::App* /*app*/, const std::string& /*name*/,
                          CLI::AppFormatMode /*mode*/) { return std::string(help); });
}

CLI::App* find_app(CLI::App& parent, const std::string& name) {
  for (CLI::App* child : parent.get_subcommands([](CLI::App* /*any*/) { return true; })) {
    if (child->get_name() == name) return child;
  }
  return nullptr;
}

/// The application of `name`, its parent ("root" of "root new") made on the way.
CLI::App* add_app(CLI::App& app, std::string_view name) {
  CLI::App* at = &app;
  for (const std::string& word : split_blanks(name)) {
    CLI::App* next = find_app(*at, word);
    if (next == nullptr) {
      next = at->add_subcommand(word);
      next->fallthrough();
      if (word == "root") set_help(*next, kRootHelp);
    }
    at = next;
  }
  return at;
}

struct Declared {
  CLI::App* app;
  std::unique_ptr<Command> command;
};

int run_command(const std::vector<Declared>& commands, Console& console) {
  for (const Declared& declared : commands) {
    if (!declared.app->parsed()) continue;
    Desk desk{console, desk_now()};
    const Result<int> done = declared.command->run(desk);
    if (done) return *done;
    console.error(done.error());
    return is_about_document(done.error().code) ? kRefused : kNotJudged;
  }
  return -1;
}

int parse_and_run(int argc, char** argv, Console& console) {
  CLI::App app;
  set_help(app, kHelp);
  app.set_help_flag("-h,--help");
  Console::Options options;
  std::string output = "text";
  bool version = false;
  app.add_option("--output", output)->check(CLI::IsMember({"text", "json"}));
  app.add_flag("-q,--quiet", options.quiet);
  app.add_flag("--no-color", [&](std::int64_t /*count*/) { options.color = false; });
  app.add_flag("--version", version);

  std::vector<Declared> commands;
  for (const CommandEntry* entry : kCommands) {
    CLI::App* sub = add_app(app, entry->name);
    set_help(*sub, entry->help);
    commands.push_back({sub, entry->make()});
    OptionSet declared(*sub);
    commands.back().command->declare(declared);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    console.result(app.help());
    return kFine;
  } catch (const CLI::ParseError& error) {
    if (version) {  // "--version" before a command that lacks its arguments
      console.result("hostspin-sign " + std::string(kVersion) + "\n");
      return kFine;
    }
    console.error(explain_usage(app, error));
    return kNotJudged;
  }
  options.json = output == "json";
  console.configure(options);
  if (version) {
    console.result("hostspin-sign " + std::string(kVersion) + "\n");
    return kFine;
  }
  const int code = run_command(commands, console);
  if (code >= 0) return code;
  console.error({Errc::usage, "no command was given", "see '" + spelled(app) + " --help'"});
  return kNotJudged;
}

}  // namespace

void PassphraseOptions::declare(OptionSet& options, bool for_new_keys) {
  options.number("--passphrase-fd", descriptor, 0, 65535);
  if (!for_new_keys) return;
  options.flag("--no-passphrase", none);
  options.exclusive("--no-passphrase", "--passphrase-fd");
}

PassphraseSource PassphraseOptions::source() const {
  if (!descriptor) return {};
  return {static_cast<int>(*descriptor)};
}

}  // namespace desk

int run_desk(int argc, char** argv) {
  // A closed pipe, or a file that may not grow (RLIMIT_FSIZE), is an error to report, not a silent
  // death.
  for (const int ignored : {SIGPIPE, SIGXFSZ}) (void)std::signal(ignored, SIG_IGN);
  desk::protect_process();
  desk::Console console;
  int code = desk::kNotJudged;
  try {
    code = desk::parse_and_run(argc, argv, console);
  } catch (const std::exception& error) {  // CLI11's and the standard library's
    console.error({Errc::internal, error.what()});
  }
  if (console.finish()) return code;
  console.error({Errc::io_error, "cannot write to standard output",
                 "check the disk or the program that reads it"});
  return desk::kNotJudged;
}

}  // namespace hostspin
