#include "exposition.h"

#include <array>
#include <cstdio>

namespace hostspin {

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  head_.assign("# HELP ").append(name).append(" ").append(help).append("\n");
  head_.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

void Exposition::sample(std::int64_t value, const Labels& labels) {
  line(std::to_string(value), labels);
}

void Exposition::seconds(double value, const Labels& labels) {
  std::array<char, 64> digits{};
  (void)std::snprintf(digits.data(), digits.size(), "%.6f", value);
  line(digits.data(), labels);
}

void Exposition::line(std::string_view value, const Labels& labels) {
  text_ += std::exchange(head_, {});
  text_ += name_;
  char before = '{';
  for (const auto& [key, label] : labels) {
    text_ += before;
    text_.append(key).append("=\"");
    for (const char c : label) {
      if (c == '\\' || c == '"') text_ += '\\';
      text_ += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    text_ += '"';
    before = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_.append(" ").append(value).append("\n");
}

}  // namespace hostspin
