#include "log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "hostspin/time_text.h"

namespace hostspin {
namespace {

/// Whether standard error is the stream that JOURNAL_STREAM speaks of: the variable alone is
/// inherited by everything that a unit starts.
bool stderr_is_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (stream == nullptr || fstat(2, &status) != 0) return false;
  return std::string_view(stream) ==
         std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

std::string_view level_name(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return "error";
    case LogLevel::warning:
      return "warning";
    case LogLevel::notice:
      return "notice";
    case LogLevel::info:
      return "info";
    case LogLevel::debug:
      return "debug";
  }
  return "error";
}

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::notice:
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::debug:
      return spdlog::level::debug;
  }
  return spdlog::level::err;
}

/// "HOSTSPIN_EVENT" is "event", MESSAGE_ID is "message_id".
std::string json_key(std::string_view field) {
  constexpr std::string_view kPrefix = "HOSTSPIN_";
  if (field.starts_with(kPrefix)) field.remove_prefix(kPrefix.size());
  std::string key(field);
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return key;
}

std::string json_line(LogLevel level, const JournalFields& fields) {
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  nlohmann::ordered_json object = {{"time", format_utc(now)}, {"level", level_name(level)}};
  for (const auto& [key, value] : fields) {
    if (key != "PRIORITY" && key != "SYSLOG_IDENTIFIER") object[json_key(key)] = value;
  }
  return object.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace

struct Log::Lines {
  std::shared_ptr<spdlog::logger> logger;
};

// spdlog's errors (standard error closed) must not end the agent: its handler drops them.
Log::Log(std::string_view format, LogLevel most, std::string root)
    : lines_(std::make_unique<Lines>()),
      most_(most),
      under_manager_(stderr_is_journal()),
      journal_(std::move(root)) {
  if (format == "journal" || (format == "auto" && under_manager_)) format_ = Format::journal;
  if (format == "json") format_ = Format::json;
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
  lines_->logger = std::make_shared<spdlog::logger>("hostspin", std::move(sink));
  lines_->logger->set_error_handler([](const std::string&) {});
  lines_->logger->set_level(spdlog::level::debug);
  const bool bare = under_manager_ || format_ == Format::json;
  lines_->logger->set_pattern(bare ? "%v" : "%Y-%m-%dT%H:%M:%S%z hostspin %l: %v");
  lines_->logger->flush_on(spdlog::level::debug);
}

Log::~Log() = default;

void Log::put_line(LogLevel level, const std::string& line) {
  const std::string prefix =
      under_manager_ ? "<" + std::to_string(static_cast<int>(level)) + ">" : std::string();
  lines_->logger->log(spdlog_level(level), "{}{}", prefix, line);
}

void Log::put(LogLevel level, const JournalFields& fields) {
  if (level > most_) return;
  if (format_ == Format::journal && journal_.send(fields)) return;
  if (format_ == Format::json) {
    put_line(level, json_line(level, fields));
  } else {
    put_line(level, fields.front().second);  // MESSAGE
  }
}

void Log::write(const Event& event) { put(event.level(), journal_fields(event)); }

void Log::put_text(LogLevel level, std::string_view text) {
  put(level, {{"MESSAGE", std::string(text)},
              {"PRIORITY", std::to_string(static_cast<int>(level))},
              {"SYSLOG_IDENTIFIER", "hostspin"}});
}

void Log::warning(std::string_view text) { put_text(LogLevel::warning, text); }

void Log::debug(std::string_view text) { put_text(LogLevel::debug, text); }

}  // namespace hostspin
