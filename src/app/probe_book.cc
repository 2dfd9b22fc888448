#include "probe_book.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include "json_fields.h"

namespace hostspin {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "hostspin.probes/1";

using Key = std::tuple<std::string, std::string, std::string>;
Key key_of(const ProbedCheck& check) { return {check.service, check.address, check.check}; }

/// Rise and fall: `alarming` turns once enough probes in a row have contradicted it.
void judge_streak(ProbedCheck& check) {
  if (!check.tried) return;
  if (check.up != check.alarming) {
    check.streak = 0;
    return;
  }
  const int enough = check.alarming ? kProbeRise : kProbeFall;
  if (++check.streak < enough) return;
  check.alarming = !check.alarming;
  check.streak = 0;
}

}  // namespace

ProbeBook ProbeBook::parse(std::string_view text) {
  ProbeBook book;
  const json object = parse_own(text, kSchema);
  if (object.is_null()) return book;
  book.last_round_ = number_field(object, "last_round");
  book.last_attempt_ = number_field(object, "last_attempt");
  for (const json& one : array_field(object, "checks")) {
    if (!one.is_object() || book.checks_.size() >= kProbedChecksMax) continue;
    ProbedCheck check;
    check.service = text_field(one, "service");
    check.address = text_field(one, "address");
    check.check = text_field(one, "check");
    check.verdict = text_field(one, "verdict");
    check.detail = text_field(one, "detail");
    check.up = flag_field(one, "up");
    check.tried = flag_field(one, "tried");
    check.alarming = flag_field(one, "alarming");
    check.streak = static_cast<int>(std::clamp<std::int64_t>(number_field(one, "streak"), 0, 100));
    check.duration_s = static_cast<double>(number_field(one, "duration_us")) / 1e6;
    book.checks_.push_back(std::move(check));
  }
  return book;
}

std::string ProbeBook::format() const {
  json checks = json::array();
  for (const ProbedCheck& check : checks_) {
    checks.push_back({{"service", check.service},
                      {"address", check.address},
                      {"check", check.check},
                      {"verdict", check.verdict},
                      {"detail", check.detail},
                      {"up", check.up},
                      {"tried", check.tried},
                      {"alarming", check.alarming},
                      {"streak", check.streak},
                      {"duration_us", static_cast<std::int64_t>(check.duration_s * 1e6)}});
  }
  const json object = {{"schema", kSchema},
                       {"last_round", last_round_},
                       {"last_attempt", last_attempt_},
                       {"checks", std::move(checks)}};
  return object.dump(-1, ' ', true, json::error_handler_t::replace) + "\n";
}

void ProbeBook::note(const ProbeReport& report, std::int64_t now) {
  std::vector<ProbedCheck> renewed;
  std::map<Key, ProbedCheck> known;
  for (const ProbedCheck& check : checks_) known.emplace(key_of(check), check);
  std::set<Key> seen;
  for (const AddressReport& one : report.checks) {
    if (one.check.kind == CheckKind::unsupported || renewed.size() >= kProbedChecksMax) continue;
    ProbedCheck check;
    check.service = one.service;
    check.address = one.address.to_string();
    check.check = one.check.identity(one.service);
    const Key key = key_of(check);
    if (!seen.insert(key).second) continue;  // a report has none twice; a book holds to it
    if (const auto before = known.find(key); before != known.end()) check = before->second;
    check.verdict = std::string(verdict_name(one.result.verdict));
    check.detail = one.result.detail.substr(0, kProbeDetailBytesMax);
    check.tried = !is_skipped(one.result);
    check.up = check.tried && !is_down(one.result);
    if (check.tried) {
      check.duration_s = std::chrono::duration<double>(one.result.elapsed).count();
    }
    judge_streak(check);
    renewed.push_back(std::move(check));
  }
  checks_ = std::move(renewed);
  last_round_ = now;
  last_attempt_ = now;
}

void ProbeBook::forget_old(std::int64_t now, std::chrono::seconds limit) {
  // A moment far ahead is of a clock that was wrong.
  if (std::abs(now - last_round_) > limit.count()) {
    checks_.clear();
    last_round_ = 0;
  }
  if (std::abs(now - last_attempt_) > limit.count()) last_attempt_ = 0;
}

}  // namespace hostspin
