#pragma once
// Reading JSON bodies: a member that is absent, null or of another type gives the fallback.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "azlin/core/clock.hpp"
#include "azlin/core/fields.hpp"

namespace azlin::platform {

using nlohmann::json;

using core::fields::flag;
using core::fields::number;
using core::fields::text;
inline const json& at(const json& body, const char* key) {
  return core::fields::member(body, key);
}
inline const json& props(const json& body) {
  return at(body, "properties");
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
