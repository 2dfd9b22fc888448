#include "option_set.h"

#include <CLI/CLI.hpp>

namespace hostspin::desk {

void OptionSet::argument(const std::string& name, std::string& value) {
  app_.add_option(name, value)->required();
}

void OptionSet::arguments(const std::string& name, std::vector<std::string>& values) {
  app_.add_option(name, values)->required();
}

void OptionSet::option(const std::string& names, std::string& value) {
  app_.add_option(names, value);
}

void OptionSet::required(const std::string& names, std::string& value) {
  app_.add_option(names, value)->required();
}

void OptionSet::number(const std::string& names, std::optional<std::int64_t>& value,
                       std::int64_t min, std::int64_t max) {
  app_.add_option(names, value)->check(CLI::Range(min, max));
}

void OptionSet::repeated(const std::string& names, std::vector<std::string>& values) {
  app_.add_option(names, values)->allow_extra_args(false);
}

void OptionSet::list(const std::string& names, std::vector<std::string>& values) {
  app_.add_option(names, values);
}

void OptionSet::flag(const std::string& names, bool& value) { app_.add_flag(names, value); }

void OptionSet::exclusive(const std::string& one, const std::string& other) {
  app_.get_option(one)->excludes(app_.get_option(other));
}

void OptionSet::needs(const std::string& one, const std::string& other) {
  app_.get_option(one)->needs(app_.get_option(other));
}

}  // namespace hostspin::desk
