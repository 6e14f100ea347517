#pragma once
// Reading ARM bodies: a member that is absent, null or of another type gives the fallback.
#include <nlohmann/json.hpp>
#include <string>

#include "azlin/azure/resources.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/core/fields.hpp"

namespace azlin::azure {

// As an OData string: a quote in it is doubled.
inline std::string quoted(const std::string& value) {
  std::string result = "'";
  for (const char c : value) result += c == '\'' ? "''" : std::string(1, c);
  return result + "'";
}

using core::fields::flag;
using core::fields::list;
using core::fields::member;
using core::fields::number;
using core::fields::text;
using core::fields::texts;

inline Tags tags_of(const nlohmann::json& body) {
  Tags tags;
  const auto& value = member(body, "tags");
  if (!value.is_object()) return tags;
  for (const auto& [name, tag] : value.items())
    tags[name] = tag.is_string() ? tag.get<std::string>() : tag.dump();
  return tags;
}

inline std::optional<std::string> first_zone(const nlohmann::json& body) {
  const auto& zones = member(body, "zones");
  if (!zones.is_array() || zones.empty() || !zones.front().is_string()) return std::nullopt;
  return zones.front().get<std::string>();
}

inline core::TimePoint time_of(const nlohmann::json& body, const char* key) {
  return core::parse_time(text(body, key)).value_or(core::TimePoint{});
}

}  // namespace azlin::azure
