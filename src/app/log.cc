#include "log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace hostspin {

struct Log::State {
  explicit State(std::shared_ptr<spdlog::logger> made, bool prefixed)
      : logger(std::move(made)), syslog_prefix(prefixed) {}
  std::shared_ptr<spdlog::logger> logger;
  bool syslog_prefix;
};

// spdlog's errors (standard error closed) must not end the agent: its handler drops them.
Log::Log(bool verbose) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
  auto logger = std::make_shared<spdlog::logger>("hostspin", std::move(sink));
  logger->set_error_handler([](const std::string&) {});
  logger->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
  const bool journal = std::getenv("JOURNAL_STREAM") != nullptr;
  logger->set_pattern(journal ? "%v" : "%Y-%m-%dT%H:%M:%S%z hostspin %l: %v");
  logger->flush_on(spdlog::level::debug);
  state_ = std::make_unique<State>(std::move(logger), journal);
}

Log::~Log() = default;

void Log::write(Level level, std::string_view text) {
  const auto put = [&](spdlog::level::level_enum spd, std::string_view priority) {
    if (state_->syslog_prefix) {
      state_->logger->log(spd, "{}{}", priority, text);
    } else {
      state_->logger->log(spd, "{}", text);
    }
  };
  switch (level) {
    case Level::debug:
      put(spdlog::level::debug, "<7>");
      return;
    case Level::info:
      put(spdlog::level::info, "<6>");
      return;
    case Level::warning:
      put(spdlog::level::warn, "<4>");
      return;
    case Level::error:
      put(spdlog::level::err, "<3>");
      return;
  }
}

}  // namespace hostspin
