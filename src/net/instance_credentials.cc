#include "instance_credentials.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace hostspin {
namespace {

using std::chrono::milliseconds;

constexpr const char* kService = "169.254.169.254";
constexpr const char* kTokenPath = "/latest/api/token";
constexpr const char* kRolePath = "/latest/meta-data/iam/security-credentials/";
// Long enough for the two questions that follow.
constexpr const char* kTokenLifetime = "X-aws-ec2-metadata-token-ttl-seconds: 60";
constexpr milliseconds kLimit{1000};
constexpr std::size_t kAnswerBytesMax = 16384;
constexpr std::size_t kWordBytesMax = 12288;  // a session's token has no stated limit
constexpr std::size_t kRefusalBytesMax = 200;
constexpr std::size_t kRoleBytesMax = 128;

// What becomes part of a header or a path: printable, without blanks.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kWordBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string first_line(std::string text) {
  text.resize(std::min(text.find_first_of("\r\n"), text.size()));
  return text;
}

Error failed(const std::string& why) {
  return {Errc::fetch_failed, "no credentials from the instance's metadata service: " + why};
}

/// What the service says of itself, for people: one line, and not a long one.
std::string shown(std::string text) {
  text = first_line(std::move(text)).substr(0, kRefusalBytesMax);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

std::string member(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  const auto* text = found == object.end() ? nullptr : found->get_ptr<const std::string*>();
  return text == nullptr ? std::string() : *text;
}

}  // namespace

InstanceCredentials::~InstanceCredentials() {
  loop_.cancel(tell_);
  http_.cancel(ticket_);
}

void InstanceCredentials::get(Done done) {
  waiting_.push_back(std::move(done));
  if (keys_) return finish(*keys_);
  if (waiting_.size() > 1) return;  // asked already
  const Refusals refusals{{403, "it is turned off for this instance"},
                          {400, "it does not speak IMDSv2"}};
  ask("PUT", kTokenPath, kTokenLifetime, refusals, [this](std::string body) {
    token_ = first_line(std::move(body));
    if (!is_word(token_)) return finish(failed("a token that is none"));
    ask_role();
  });
}

void InstanceCredentials::ask_role() {
  const Refusals refusals{{404, "this instance has no role"},
                          {401, "its own token is not accepted"}};
  ask("GET", kRolePath, "X-aws-ec2-metadata-token: " + token_, refusals, [this](std::string body) {
    const std::string role = first_line(std::move(body));
    const bool plain = is_word(role) && role.size() <= kRoleBytesMax &&
                       role.find_first_of("/?#%\\") == std::string::npos;
    if (!plain) return finish(failed("it has no role"));
    ask_keys(role);
  });
}

void InstanceCredentials::ask_keys(const std::string& role) {
  const Refusals refusals{{404, "role " + hostspin::quoted(role) + " is not there"},
                          {401, "its own token is not accepted"}};
  ask("GET", kRolePath + role, "X-aws-ec2-metadata-token: " + token_, refusals,
      [this, role](const std::string& body) { take_keys(role, body); });
}

void InstanceCredentials::take_keys(const std::string& role, const std::string& body) {
  const nlohmann::json object = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return finish(failed("an answer that is not JSON"));
  // Status 200 all the same, where the role cannot be assumed.
  if (const std::string code = member(object, "Code"); !code.empty() && code != "Success") {
    const std::string message = member(object, "Message");
    return finish(failed("role " + hostspin::quoted(role) + " is refused its keys: " + shown(code) +
                         (message.empty() ? "" : ": " + shown(message))));
  }
  InstanceKeys keys{member(object, "AccessKeyId"), member(object, "SecretAccessKey"),
                    member(object, "Token")};
  if (!is_word(keys.id) || !is_word(keys.secret) || !is_word(keys.token)) {
    return finish(failed("an answer without keys"));
  }
  finish(std::move(keys));
}

void InstanceCredentials::ask(std::string method, const std::string& path, std::string header,
                              Refusals refusals, Next next) {
  const Result<IPAddress> address = IPAddress::parse(kService);
  const Result<Url> url = parse_url("http://" + std::string(kService) + path);
  if (!address || !url) return finish(failed("a bad path"));
  HttpRequest request(*url, {*address, kPort});
  if (method != "GET") request.method = std::move(method);
  request.headers = {std::move(header)};
  request.only_body_of_200 = true;
  request.body_bytes_max = kAnswerBytesMax;
  request.limit = kLimit;
  connect_ = std::make_unique<TcpConnect>(
      loop_, *address, kPort, kLimit,
      [this, request = std::move(request), refusals = std::move(refusals),
       next = std::move(next)](Connected outcome) {
        connect_.reset();
        if (outcome.verdict != Verdict::ok) {
          return finish(failed(std::string(verdict_words(outcome.verdict))));
        }
        ticket_ = http_.start(
            request, std::move(outcome.socket), [this, next, refusals](HttpReply reply) {
              if (!reply.reason.empty()) return finish(failed(reply.detail));
              if (reply.status == 200) return next(std::move(reply.body));
              const std::string status = "status " + std::to_string(reply.status);
              const auto known = refusals.find(reply.status);
              finish(
                  failed(known == refusals.end() ? status : known->second + " (" + status + ")"));
            });
      });
}

void InstanceCredentials::finish(Result<InstanceKeys> keys) {
  keys_ = std::move(keys);
  loop_.cancel(tell_);
  tell_ = loop_.soon([this] {
    for (const Done& done : std::exchange(waiting_, {})) done(*keys_);
  });
}

}  // namespace hostspin
