#pragma once
// Reading JSON that others wrote: a member that is absent, null or of another type gives the fallback, never
// an exception.
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace azlin::core::fields {

// null: there is none, or `body` is no object.
inline const nlohmann::json& member(const nlohmann::json& body, const char* key) {
  static const nlohmann::json none;
  if (!body.is_object()) return none;
  const auto found = body.find(key);
  return found == body.end() ? none : *found;
}

// What "/properties/networkProfile" leads to, through objects alone.
inline const nlohmann::json& member_at(const nlohmann::json& body, std::string_view path) {
  const nlohmann::json* at = &body;
  while (!path.empty()) {
    const auto end = std::min(path.find('/', 1), path.size());
    at = &member(*at, std::string(path.substr(1, end - 1)).c_str());
    path.remove_prefix(end);
  }
  return *at;
}

inline std::string text(const nlohmann::json& body, const char* key, const std::string& fallback = {}) {
  const auto& value = member(body, key);
  return value.is_string() ? value.get<std::string>() : fallback;
}

// `fallback` also where the number does not fit.
inline std::int64_t number(const nlohmann::json& body, const char* key, std::int64_t fallback = 0) {
  constexpr double kFits = 9e18;
  const auto& value = member(body, key);
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return fallback;
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return fallback;
  const auto real = value.get<double>();
  return real > -kFits && real < kFits ? static_cast<std::int64_t>(real) : fallback;
}

inline bool flag(const nlohmann::json& body, const char* key, bool fallback = false) {
  const auto& value = member(body, key);
  return value.is_boolean() ? value.get<bool>() : fallback;
}

// The elements of a list; empty where it is none.
inline const nlohmann::json::array_t& list(const nlohmann::json& body, const char* key) {
  static const nlohmann::json::array_t none;
  const auto& value = member(body, key);
  return value.is_array() ? value.get_ref<const nlohmann::json::array_t&>() : none;
}

// Those elements that are texts.
inline std::vector<std::string> texts(const nlohmann::json& body, const char* key) {
  std::vector<std::string> found;
  for (const auto& item : list(body, key)) {
    if (item.is_string()) found.push_back(item.get<std::string>());
  }
  return found;
}

}  // namespace azlin::core::fields
