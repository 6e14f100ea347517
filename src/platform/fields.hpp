#pragma once
// Reading JSON bodies: a member that is absent, null or of another type gives the fallback.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "azlin/core/clock.hpp"

namespace azlin::platform {

using nlohmann::json;

inline const json& at(const json& body, const char* key) {
  static const json none;
  if (!body.is_object()) return none;
  const auto found = body.find(key);
  return found == body.end() ? none : *found;
}
inline const json& props(const json& body) {
  return at(body, "properties");
}
inline std::string text(const json& body, const char* key) {
  const auto& value = at(body, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}
inline std::int64_t number(const json& body, const char* key, std::int64_t fallback = 0) {
  const auto& value = at(body, key);
  return value.is_number() ? value.get<std::int64_t>() : fallback;
}
inline bool flag(const json& body, const char* key, bool fallback = false) {
  const auto& value = at(body, key);
  return value.is_boolean() ? value.get<bool>() : fallback;
}
// Parses text from outside; null when it is no JSON.
inline json parse_or_null(const std::string& body) {
  auto parsed = json::parse(body, nullptr, false);
  return parsed.is_discarded() ? json() : parsed;
}
inline std::string last_segment(const std::string& id) {
  return id.substr(id.rfind('/') + 1);
}

}  // namespace azlin::platform
