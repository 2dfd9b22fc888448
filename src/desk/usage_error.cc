#include "usage_error.h"

#include <CLI/CLI.hpp>
#include <cctype>

#include "nearest.h"
#include "words.h"

namespace hostspin::desk {
namespace {

/// The words of CLI11's complaint, in the form of our own.
std::string complaint(const CLI::ParseError& error) {
  std::string text(trim(error.what()));
  if (text.size() > 1 && std::islower(static_cast<unsigned char>(text[1])) != 0) {
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  }
  while (!text.empty() && text.back() == '.') text.pop_back();
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

}  // namespace

std::string spelled(const CLI::App& app) {
  std::string name = "hostspin-sign";
  const CLI::App* at = &app;
  for (auto chosen = at->get_subcommands(); !chosen.empty(); chosen = at->get_subcommands()) {
    at = chosen.back();
    name += " " + at->get_name();
  }
  return name;
}

Error explain_usage(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().back();
  const std::string page = "see '" + spelled(app) + " --help'";
  const std::vector<std::string> left = app.remaining(true);
  if (left.empty()) return {Errc::usage, complaint(error), page};
  const std::string word = left.front().substr(0, left.front().find('='));
  std::vector<std::string> known;
  if (word.starts_with('-')) {
    for (const CLI::App* command = at; command != nullptr; command = command->get_parent()) {
      for (const CLI::Option* option : command->get_options()) {
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
      }
    }
    return {Errc::usage, complaint(error), did_you_mean(word, known) + page};
  }
  for (const CLI::App* command :
       at->get_subcommands([](const CLI::App* /*any*/) { return true; })) {
    known.push_back(command->get_name());
  }
  if (known.empty()) return {Errc::usage, complaint(error), page};
  return {Errc::usage, "there is no command " + hostspin::quoted(word),
          (word == "help" ? "" : did_you_mean(word, known)) + page};
}

}  // namespace hostspin::desk
