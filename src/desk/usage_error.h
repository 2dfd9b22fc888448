#pragma once

#include <string>

#include "hostspin/result.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace hostspin::desk {

/// The commands that were understood, as they are typed: "hostspin-sign root new".
[[nodiscard]] std::string spelled(const CLI::App& app);

/// What is wrong with the command line, the nearest word that is right, and the page that has it.
[[nodiscard]] Error explain_usage(const CLI::App& app, const CLI::ParseError& error);

}  // namespace hostspin::desk
