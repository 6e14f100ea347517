#pragma once
// Reading ARM bodies: a member that is absent, null or of another type gives the fallback.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "azlin/azure/resources.hpp"
#include "azlin/core/clock.hpp"
#include "azlin/core/error.hpp"
#include "azlin/core/fields.hpp"
#include "azlin/core/names.hpp"

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

// To take what cannot be read for absent may destroy: a set that lacks a snapshot, a mark that is not there.
[[noreturn]] inline void throw_unreadable(const nlohmann::json& body, const char* part) {
  const auto id = text(body, "id");
  throw core::Error(
      core::ErrorKind::failed,
      fmt::format("the service's answer about {} cannot be read: {}", id.empty() ? "a resource" : id, part),
      "run it again; if it stays, look at the resource in the portal");
}

inline Tags tags_of(const nlohmann::json& body) {
  Tags tags;
  const auto& value = member(body, "tags");
  if (!value.is_object() && !value.is_null()) throw_unreadable(body, "its tags are no object");
  for (const auto& [name, tag] : value.items()) {
    if (!tag.is_string() && !tag.is_null()) throw_unreadable(body, "a tag is no text");
    tags[name] = tag.is_string() ? tag.get<std::string>() : "";
  }
  return tags;
}

// Of a resource that was read by its id, or listed. Throws core::Error (failed) when it is none. What is made
// from it is named after it: a wrong name would be an id that no later look can read.
inline void check_resource(const nlohmann::json& body) {
  const auto id = text(body, "id");
  if (id.empty()) throw_unreadable(body, "it has no id");
  if (!core::equal_ignoring_case(text(body, "name"), core::ResourceId::parse(id).name))
    throw_unreadable(body, "its name is not that of its id");
  if (!member(body, "properties").is_object()) throw_unreadable(body, "it has no properties");
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
