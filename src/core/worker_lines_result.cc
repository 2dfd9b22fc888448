#include <algorithm>
#include <array>

#include "hostspin/crypto.h"
#include "hostspin/worker_lines.h"
#include "worker_lines_json.h"

// The worker's half of hostspin-net's protocol. What is decoded here comes from the process that
// reads the network: every field is held to what the header promises.
namespace hostspin {
namespace {

using worker_lines::json;
using worker_lines::kDetailBytesMax;
using worker_lines::LineWriter;
using worker_lines::Members;
using worker_lines::Need;

constexpr std::size_t kEtagBytesMax = 256;
constexpr std::size_t kReasonBytesMax = 32;
constexpr int kErrnoMax = 4095;
constexpr std::int64_t kRttMicrosecondsMax = 600000000;
constexpr int kDaysLeftMax = 4000000;

constexpr std::array<std::string_view, 5> kFetchReasons{"too_large", "slow", "redirect", "protocol",
                                                        "proxy"};

constexpr std::array<std::string_view, 4> kOutcomes{"ok", "not_found", "not_modified", "failed"};

std::string_view outcome_name(FetchOutcome outcome) {
  return kOutcomes[static_cast<std::size_t>(outcome)];
}

std::optional<FetchOutcome> outcome_from_name(std::string_view name) {
  const auto* found = std::find(kOutcomes.begin(), kOutcomes.end(), name);
  if (found == kOutcomes.end()) return std::nullopt;
  return static_cast<FetchOutcome>(found - kOutcomes.begin());
}

bool is_fetch_reason(std::string_view reason) {
  if (std::find(kFetchReasons.begin(), kFetchReasons.end(), reason) != kFetchReasons.end()) {
    return true;
  }
  const std::optional<Verdict> verdict = verdict_from_name(reason);
  return verdict && *verdict != Verdict::ok;
}

Result<FetchResult> fetch_from_json(const json& object) {
  FetchResult result;
  Members members(object, "fetch");
  members.id(result.id);
  std::string outcome;
  members.printable_text("outcome", Need::required, kReasonBytesMax, outcome);
  std::string body;
  members.printable_text("body", Need::optional, kResultLineBytesMax, body);
  members.printable_text("etag", Need::optional, kEtagBytesMax, result.etag);
  members.integer<int>("status", Need::optional, 0, 999, result.status);
  members.printable_text("reason", Need::optional, kReasonBytesMax, result.reason);
  members.printable_text("detail", Need::optional, kDetailBytesMax, result.detail);
  members.milliseconds("elapsed_ms", Need::required, 0, result.elapsed);

  const std::optional<FetchOutcome> known = outcome_from_name(outcome);
  if (!known) members.refuse("outcome", "is not a known one");
  result.outcome = known.value_or(FetchOutcome::failed);
  if (result.outcome != FetchOutcome::ok && !body.empty()) {
    members.refuse("body", "comes with an outcome that has none");
  }
  const bool failed = result.outcome == FetchOutcome::failed;
  if (failed ? !is_fetch_reason(result.reason) : !result.reason.empty()) {
    members.refuse("reason", "is not one that fits the outcome");
  }
  if (!failed && !result.detail.empty()) {
    members.refuse("detail", "comes with an outcome that has none");
  }
  Result<std::string> bytes = decode_base64(body);
  if (!bytes) {
    members.refuse("body", "is not base64");
  } else if (bytes->size() > kManifestNoteBytesMax) {
    members.refuse("body", "is longer than any document");
  } else {
    result.body = *std::move(bytes);
  }
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  return result;
}

Result<ProbeResult> probe_from_json(const json& object) {
  ProbeResult result;
  Members members(object, "probe");
  members.id(result.id);
  std::string name;
  members.printable_text("verdict", Need::required, kReasonBytesMax, name);
  members.integer<int>("errno", Need::optional, 0, kErrnoMax, result.error_number);
  std::int64_t rtt = -1;
  members.integer<std::int64_t>("rtt_us", Need::optional, 0, kRttMicrosecondsMax, rtt);
  if (rtt >= 0) result.rtt_us = rtt;
  members.milliseconds("elapsed_ms", Need::required, 0, result.elapsed);
  int days = -kDaysLeftMax - 1;
  members.integer<int>("days_left", Need::optional, -kDaysLeftMax, kDaysLeftMax, days);
  if (days >= -kDaysLeftMax) result.days_left = days;
  members.printable_text("detail", Need::optional, kDetailBytesMax, result.detail);

  const std::optional<Verdict> verdict = verdict_from_name(name);
  if (!verdict) members.refuse("verdict", "is not a known one");
  result.verdict = verdict.value_or(Verdict::internal);
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  return result;
}

Result<WorkerAsked> asked_from_json(const json& object) {
  WorkerAsked asked;
  Members members(object, "asked");
  members.id(asked.id);
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  return asked;
}

void put_detail(LineWriter& line, const std::string& detail) {
  if (!detail.empty()) line.text("detail", worker_lines::printable(detail, kDetailBytesMax));
}

}  // namespace

std::string encode(const FetchResult& result) {
  LineWriter line;
  line.object("fetch");
  line.integer("id", result.id);
  line.text("outcome", outcome_name(result.outcome));
  if (result.outcome == FetchOutcome::ok) line.text("body", encode_base64(result.body));
  if (!result.etag.empty()) line.text("etag", result.etag);
  if (result.status != 0) line.integer("status", result.status);
  if (result.outcome == FetchOutcome::failed) {
    line.text("reason", result.reason);
    put_detail(line, result.detail);
  }
  line.integer("elapsed_ms", result.elapsed.count());
  return std::move(line).line();
}

std::string encode(const ProbeResult& result) {
  LineWriter line;
  line.object("probe");
  line.integer("id", result.id);
  line.text("verdict", verdict_name(result.verdict));
  if (result.error_number != 0) line.integer("errno", result.error_number);
  if (result.rtt_us) line.integer("rtt_us", *result.rtt_us);
  line.integer("elapsed_ms", result.elapsed.count());
  if (result.days_left) line.integer("days_left", *result.days_left);
  put_detail(line, result.detail);
  return std::move(line).line();
}

std::string encode(const WorkerAsked& asked) {
  LineWriter line;
  line.object("asked").integer("id", asked.id);
  return std::move(line).line();
}

std::string encode(const WorkerNotice& notice) {
  LineWriter line;
  line.text("notice", worker_lines::printable(notice.text, kDetailBytesMax));
  return std::move(line).line();
}

std::string encode(const WorkerEnd&) {
  LineWriter line;
  line.boolean("end", true);
  return std::move(line).line();
}

Result<NetResult> decode_net_result(std::string_view line) {
  Result<json> object = worker_lines::parse_line(line, kResultLineBytesMax);
  if (!object) return std::move(object).error();
  Members members(*object, "result");
  NetResult result;
  const json* fetch_object = members.take("fetch", Need::optional);
  const json* probe_object = members.take("probe", Need::optional);
  const json* asked_object = members.take("asked", Need::optional);
  std::string notice;
  members.printable_text("notice", Need::optional, kDetailBytesMax, notice);
  members.boolean("end", Need::optional, result.end);
  if (Result<void> done = members.done(); !done) return std::move(done).error();
  if (!notice.empty()) result.notice = WorkerNotice{std::move(notice)};

  const int messages = (fetch_object != nullptr ? 1 : 0) + (probe_object != nullptr ? 1 : 0) +
                       (asked_object != nullptr ? 1 : 0) + (result.notice ? 1 : 0) +
                       (result.end ? 1 : 0);
  if (messages != 1) return {Errc::worker_failed, "a line of the worker is not one message"};
  if (fetch_object != nullptr) {
    Result<FetchResult> fetch = fetch_from_json(*fetch_object);
    if (!fetch) return std::move(fetch).error();
    result.fetch = *std::move(fetch);
  }
  if (probe_object != nullptr) {
    Result<ProbeResult> probe = probe_from_json(*probe_object);
    if (!probe) return std::move(probe).error();
    result.probe = *std::move(probe);
  }
  if (asked_object != nullptr) {
    const Result<WorkerAsked> asked = asked_from_json(*asked_object);
    if (!asked) return asked.error();
    result.asked = *asked;
  }
  return result;
}

}  // namespace hostspin
