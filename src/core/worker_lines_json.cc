#include "worker_lines_json.h"

#include <algorithm>

namespace hostspin::worker_lines {
namespace {

constexpr std::size_t kDepthMax = 5;  // {"probe":{"check":{"status":[200]}}} has 4
constexpr std::size_t kValuesMax = 4096;  // of one line; an object of 3 bytes takes 800 when read

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

bool needs_no_escape(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'; });
}

Error broken(std::string detail) { return Error{Errc::worker_failed, std::move(detail)}; }

// Takes what the library reads, and stops it at what no line of ours has: the library's own tree
// keeps the last of a repeated key, and has no limit.
class LineReader : public nlohmann::json_sax<json> {
 public:
  json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(std::int64_t value) override { return put(value); }
  bool number_unsigned(std::uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string&) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(json::binary_t&) override { return false; }  // not in JSON
  bool start_object(std::size_t) override {
    if (!open(json::object())) return false;
    open_.back()->get_ref<json::object_t&>().reserve(kMembersUsual);
    return true;
  }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& key) override {
    auto& members = open_.back()->get_ref<json::object_t&>();
    if (members.size() >= kMembersMax) return false;
    const auto [place, added] = members.emplace(key, json());
    member_ = &place->second;
    return added;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  static constexpr std::size_t kMembersUsual = 16;

  bool is_one_too_many() { return ++values_ > kValuesMax; }
  json* place(json value) {
    if (open_.empty()) return &(root_ = std::move(value));
    if (open_.back()->is_object()) return &(*member_ = std::move(value));
    return &open_.back()->get_ref<json::array_t&>().emplace_back(std::move(value));
  }
  bool put(json value) {
    if (open_.empty() || is_one_too_many()) return false;  // a line is an object
    place(std::move(value));
    return true;
  }
  bool open(json value) {
    if (open_.size() >= kDepthMax || is_one_too_many()) return false;
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  json root_;
  std::size_t values_ = 0;
  // No list grows while one of its entries is open, so these stay where they are.
  std::vector<json*> open_;
  json* member_ = nullptr;  // of the innermost object: where its next value belongs
};

}  // namespace

Result<json> parse_line(std::string_view line, std::size_t bytes_max) {
  if (line.size() > bytes_max) {
    return broken("a line of the worker protocol is longer than " + std::to_string(bytes_max) +
                  " bytes");
  }
  LineReader reader;
  const bool read = json::sax_parse(line, &reader);
  json object = reader.take();
  if (!read || !object.is_object()) {
    return broken("not a line of the worker protocol: " + hostspin::quoted(line));
  }
  return object;
}

LineWriter& LineWriter::object(std::string_view key) {
  name(key);
  return open('{', '}');
}

LineWriter& LineWriter::object() {
  next();
  return open('{', '}');
}

LineWriter& LineWriter::list(std::string_view key) {
  name(key);
  return open('[', ']');
}

LineWriter& LineWriter::end() {
  out_ += closing_.back();
  closing_.pop_back();
  return *this;
}

LineWriter& LineWriter::text(std::string_view key, std::string_view value) {
  name(key);
  quote(value);
  return *this;
}

LineWriter& LineWriter::integer(std::string_view key, std::int64_t value) {
  name(key);
  out_ += std::to_string(value);
  return *this;
}

LineWriter& LineWriter::boolean(std::string_view key, bool value) {
  name(key);
  out_ += value ? "true" : "false";
  return *this;
}

LineWriter& LineWriter::texts(std::string_view key, const std::vector<std::string>& values) {
  list(key);
  for (const std::string& value : values) {
    next();
    quote(value);
  }
  return end();
}

LineWriter& LineWriter::integers(std::string_view key, const std::vector<int>& values) {
  list(key);
  for (const int value : values) {
    next();
    out_ += std::to_string(value);
  }
  return end();
}

std::string LineWriter::line() && {
  while (!closing_.empty()) end();
  out_ += '\n';
  return std::move(out_);
}

void LineWriter::next() {
  if (out_.back() != '{' && out_.back() != '[') out_ += ',';
}

void LineWriter::name(std::string_view key) {
  next();
  out_ += '"';
  out_ += key;
  out_ += "\":";
}

void LineWriter::quote(std::string_view value) {
  if (!needs_no_escape(value)) {
    out_ += json(value).dump(-1, ' ', true, json::error_handler_t::replace);
    return;
  }
  out_ += '"';
  out_ += value;
  out_ += '"';
}

LineWriter& LineWriter::open(char opening, char closing) {
  out_ += opening;
  closing_ += closing;
  return *this;
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
  const auto& members = object_.get_ref<const json::object_t&>();
  const auto member = members.find(key);
  if (member == members.end()) {
    if (need == Need::required) refuse(key, "is missing");
    return nullptr;
  }
  taken_.set(static_cast<std::size_t>(member - members.begin()));
  return &member->second;
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
  std::size_t number = 0;
  for (const auto& [key, value] : object_.get_ref<const json::object_t&>()) {
    if (!taken_.test(number++)) {
      return broken(std::string(path_) + " has the unknown key " + hostspin::quoted(key));
    }
  }
  return {};
}

}  // namespace hostspin::worker_lines
