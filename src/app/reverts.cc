#include "reverts.h"

#include <algorithm>

#include "json_fields.h"

namespace hostspin {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = "hostspin.reverts/1";
constexpr std::size_t kWriterBytesMax = 64;

}  // namespace

Reverts Reverts::parse(std::string_view text, std::int64_t now) {
  Reverts reverts;
  const json object = parse_own(text, kSchema);
  if (object.is_null()) return reverts;
  for (const json& time : array_field(object, "times_ms")) {
    if (!time.is_number_integer() || reverts.times_.size() >= kRevertsInPeace) continue;
    reverts.times_.push_back(time.get<std::int64_t>());
  }
  reverts.delay_ms_ =
      std::clamp<std::int64_t>(number_field(object, "back_off_ms"), 0, kBackOffMost.count());
  reverts.not_before_ = number_field(object, "not_before_ms");
  reverts.writer_ = text_field(object, "writer").substr(0, kWriterBytesMax);
  const bool ahead = std::any_of(reverts.times_.begin(), reverts.times_.end(),
                                 [&](std::int64_t time) { return time > now; });
  if (ahead || reverts.not_before_ > now + kBackOffMost.count()) return {};
  return reverts;
}

std::string Reverts::format() const {
  const json object = {{"schema", kSchema},
                       {"times_ms", times_},
                       {"back_off_ms", delay_ms_},
                       {"not_before_ms", not_before_},
                       {"writer", writer_}};
  return object.dump(2, ' ', true, json::error_handler_t::replace) + "\n";
}

bool Reverts::is_over(std::int64_t now) const {
  // A writer who comes once in each back-off is still at it.
  return times_.empty() || now > times_.back() + std::max(kRevertWindow.count(), 2 * delay_ms_);
}

void Reverts::note(std::int64_t now, std::string_view writer) {
  settle(now);
  times_.push_back(now);
  if (times_.size() > kRevertsInPeace) times_.erase(times_.begin());
  writer_ = std::string(writer.substr(0, kWriterBytesMax));
  if (delay_ms_ > 0) {
    delay_ms_ = std::min<std::int64_t>(2 * delay_ms_, kBackOffMost.count());
  } else if (times_.size() == kRevertsInPeace && times_.front() + kRevertWindow.count() >= now) {
    delay_ms_ = kBackOffFirst.count();
  }
  if (delay_ms_ > 0) not_before_ = now + delay_ms_;
}

void Reverts::settle(std::int64_t now) {
  if (is_over(now)) *this = Reverts();
}

std::chrono::milliseconds Reverts::back_off(std::int64_t now) const {
  return std::chrono::milliseconds(is_fight() ? std::max<std::int64_t>(0, not_before_ - now) : 0);
}

}  // namespace hostspin
