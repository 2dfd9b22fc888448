#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hostspin::desk {

/// What a command declares that it takes. Keeps CLI11 out of the commands.
class OptionSet {
 public:
  explicit OptionSet(CLI::App& app) : app_(app) {}

  void argument(const std::string& name, std::string& value);
  /// One or more of them, at the end.
  void arguments(const std::string& name, std::vector<std::string>& values);
  /// `names` as in "-o,--out". An option that is not given leaves its value alone.
  void option(const std::string& names, std::string& value);
  void required(const std::string& names, std::string& value);
  void number(const std::string& names, std::optional<std::int64_t>& value, std::int64_t min,
              std::int64_t max);
  /// May be given again and takes one value each time, so that what follows is never swallowed.
  void repeated(const std::string& names, std::vector<std::string>& values);
  /// Takes every word up to the next option, but leaves the arguments theirs.
  void list(const std::string& names, std::vector<std::string>& values);
  void flag(const std::string& names, bool& value);
  void exclusive(const std::string& one, const std::string& other);
  void needs(const std::string& one, const std::string& other);

 private:
  CLI::App& app_;
};

}  // namespace hostspin::desk
