#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "console.h"
#include "context.h"
#include "hostspin/report.h"
#include "hostspin/result.h"

namespace hostspin {

/// JSON output keeps its keys in the order the man page shows them.
using Json = nlohmann::ordered_json;

/// How every command ends: the verdict line or, for JSON, the object `body` with `schema`
/// ("hostspin.COMMAND/1"), `exit_code`, `verdict` and, where there is one, `error` before its own
/// keys. The error goes to standard error as well. Returns `code`.
ExitCode finish(Env& env, const CommonOptions& options, std::string_view command, ExitCode code,
                std::string_view verdict, const std::optional<Error>& error,
                const Json& body = Json::object());

/// A command that could not do its work.
ExitCode fail(Env& env, const CommonOptions& options, std::string_view command, const Error& error);

}  // namespace hostspin
