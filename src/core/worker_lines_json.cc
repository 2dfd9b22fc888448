#include "worker_lines_json.h"

#include <algorithm>

namespace hostspin::worker_lines {
namespace {

constexpr std::size_t kMembersMax = 256;  // of one object
constexpr int kDepthMax = 5;              // {"probe":{"check":{"status":[200]}}} has 4

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

Error broken(std::string detail) { return Error{Errc::worker_failed, std::move(detail)}; }

}  // namespace

Result<json> parse_line(std::string_view line, std::size_t bytes_max) {
  if (line.size() > bytes_max) {
    return broken("a line of the worker protocol is longer than " + std::to_string(bytes_max) +
                  " bytes");
  }
  bool too_deep = false;
  bool repeated = false;
  // Of the objects that are open; the library itself keeps the last of a repeated key. Few, so that
  // looking through them costs less than a tree would.
  std::vector<std::vector<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > kDepthMax) too_deep = true;
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end && !keys.empty()) keys.pop_back();
    if (event == json::parse_event_t::key && !keys.empty()) {
      std::vector<std::string>& known = keys.back();
      const auto& key = parsed.get_ref<const std::string&>();
      repeated = repeated || known.size() >= kMembersMax ||
                 std::find(known.begin(), known.end(), key) != known.end();
      known.push_back(key);
    }
    return !too_deep;
  };
  json object = json::parse(line, watch, /*allow_exceptions=*/false);
  if (too_deep || repeated || !object.is_object()) {
    return broken("not a line of the worker protocol: " + hostspin::quoted(line));
  }
  return object;
}

std::string to_line(const json& object) {
  return object.dump(-1, ' ', true, json::error_handler_t::replace) + '\n';
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  std::string clean(text.substr(0, bytes_max));
  for (char& c : clean) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return clean;
}

Members::Members(const json& object, std::string_view path) : object_(object), path_(path) {
  if (!object_.is_object()) fault_ = std::string(path_) + " is not an object";
}

void Members::refuse(const char* key, std::string_view why) {
  if (fault_.empty()) fault_ = std::string(path_) + "." + key + " " + std::string(why);
}

const json* Members::take(const char* key, Need need) {
  if (!fault_.empty()) return nullptr;
  const auto member = object_.find(key);
  if (member == object_.end()) {
    if (need == Need::required) refuse(key, "is missing");
    return nullptr;
  }
  taken_.emplace_back(key);
  return &*member;
}

void Members::text(const char* key, Need need, std::size_t bytes_max, std::string& out) {
  const json* member = take(key, need);
  if (member == nullptr) return;
  const auto* value = member->get_ptr<const std::string*>();
  if (value == nullptr) return refuse(key, "is not a string");
  if (value->size() > bytes_max) {
    return refuse(key, "is longer than " + std::to_string(bytes_max) + " bytes");
  }
  out = *value;
}

void Members::printable_text(const char* key, Need need, std::size_t bytes_max, std::string& out) {
  std::string value;
  text(key, need, bytes_max, value);
  if (value.empty()) return;
  if (!is_printable(value)) return refuse(key, "has bytes that cannot be printed");
  out = std::move(value);
}

void Members::boolean(const char* key, Need need, bool& out) {
  const json* member = take(key, need);
  if (member == nullptr) return;
  if (!member->is_boolean()) return refuse(key, "is not true or false");
  out = *member->get_ptr<const json::boolean_t*>();
}

void Members::texts(const char* key, std::size_t count_max, std::size_t bytes_max,
                    std::vector<std::string>& out) {
  const json* member = take(key, Need::optional);
  if (member == nullptr) return;
  if (!member->is_array()) return refuse(key, "is not a list");
  if (member->size() > count_max) {
    return refuse(key, "has more than " + std::to_string(count_max) + " entries");
  }
  out.clear();
  for (const json& entry : *member) {
    const auto* value = entry.get_ptr<const std::string*>();
    if (value == nullptr || value->size() > bytes_max || !is_printable(*value)) {
      return refuse(key, "has an entry that is not a short printable string");
    }
    out.push_back(*value);
  }
}

void Members::milliseconds(const char* key, Need need, std::int64_t min,
                           std::chrono::milliseconds& out) {
  std::int64_t value = 0;
  if (read_integer(key, need, min, kMillisecondsMax, value)) out = std::chrono::milliseconds(value);
}

bool Members::read_integer(const char* key, Need need, std::int64_t min, std::int64_t max,
                           std::int64_t& out) {
  const json* member = take(key, need);
  if (member == nullptr) return false;
  const auto* positive = member->get_ptr<const json::number_unsigned_t*>();
  if (!member->is_number_integer() ||
      (positive != nullptr &&
       *positive > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))) {
    refuse(key, "is not an integer");
    return false;
  }
  const std::int64_t value = member->get<std::int64_t>();
  if (value < min || value > max) {
    refuse(key, "is not from " + std::to_string(min) + " to " + std::to_string(max));
    return false;
  }
  out = value;
  return true;
}

Result<void> Members::done() const {
  if (!fault_.empty()) return broken(fault_);
  for (const auto& [key, value] : object_.items()) {
    if (std::find(taken_.begin(), taken_.end(), key) == taken_.end()) {
      return broken(std::string(path_) + " has the unknown key " + hostspin::quoted(key));
    }
  }
  return {};
}

}  // namespace hostspin::worker_lines
