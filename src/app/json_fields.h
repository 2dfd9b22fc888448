#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace hostspin {

/// Reading what an older, newer or edited file of ours may say: the default for what is missing or
/// of another type. `object` must be an object.
[[nodiscard]] inline std::string text_field(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

[[nodiscard]] inline std::int64_t number_field(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

[[nodiscard]] inline bool flag_field(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

/// The elements of an array; none where it is none.
[[nodiscard]] inline nlohmann::json array_field(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : nlohmann::json::array();
}

/// `text` as an object of ours with this schema; null for anything else.
[[nodiscard]] inline nlohmann::json parse_own(std::string_view text, std::string_view schema) {
  nlohmann::json object = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object() || text_field(object, "schema") != schema) return nullptr;
  return object;
}

}  // namespace hostspin
