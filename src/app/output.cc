#include "output.h"

#include "events.h"

namespace hostspin {

ExitCode finish(Env& env, const CommonOptions& options, std::string_view command, ExitCode code,
                std::string_view verdict, const std::optional<Error>& error, const Json& body) {
  give_hint(env, options, "exit", static_cast<std::int64_t>(code), error ? error->detail : "");
  if (error && error->code == Errc::read_only) give_hint(env, options, "read_only", 1);
  if (error) env.console.error(*error);
  if (options.format != OutputFormat::json) {
    env.console.verdict(code, verdict);
    return code;
  }
  Json object = {{"schema", "hostspin." + std::string(command) + "/1"},
                 {"exit_code", static_cast<int>(code)},
                 {"verdict", verdict}};
  if (error) {
    object["error"] = {
        {"code", code_name(error->code)}, {"detail", error->detail}, {"hint", error->advice()}};
  }
  object.update(body);
  env.console.print(object.dump(2, ' ', true, Json::error_handler_t::replace) + "\n");
  return code;
}

ExitCode fail(Env& env, const CommonOptions& options, std::string_view command,
              const Error& error) {
  return finish(env, options, command, exit_code_for(error.code),
                std::string(command) + " could not be done: " + error.detail, error);
}

}  // namespace hostspin
