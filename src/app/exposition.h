#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hostspin {

/// One text in Prometheus' exposition format, while it is written. The agent's textfile and
/// `verify --output prometheus` may lie side by side in one directory, and one scrape then reads
/// both: what verify writes is named hostspin_verify_…, so that no series occurs twice and no
/// family has two meanings.
class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string_view>>;

  /// The family of the samples that follow. One without samples leaves no trace.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(std::int64_t value, const Labels& labels = {});
  void seconds(double value, const Labels& labels = {});
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void line(std::string_view value, const Labels& labels);

  std::string text_;
  std::string name_;
  std::string head_;  ///< HELP and TYPE, until the first sample
};

}  // namespace hostspin
