#include "simulator/json_util.hpp"

#include <fmt/format.h>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

const Json* at(const Json& value, const std::string& pointer) {
  const Json::json_pointer path(pointer);
  return value.contains(path) ? &value.at(path) : nullptr;
}

}  // namespace

void drop_nulls(Json& value) {
  if (value.is_object()) {
    for (auto it = value.begin(); it != value.end();) it = it->is_null() ? value.erase(it) : std::next(it);
  }
  if (value.is_structured())
    for (auto& child : value) drop_nulls(child);
}

std::string text_at(const Json& value, const std::string& pointer, const std::string& fallback) {
  const Json* found = at(value, pointer);
  return found != nullptr && found->is_string() ? found->get<std::string>() : fallback;
}

std::int64_t number_at(const Json& value, const std::string& pointer, std::int64_t fallback) {
  const Json* found = at(value, pointer);
  return found != nullptr && found->is_number_integer() ? found->get<std::int64_t>() : fallback;
}

bool flag_at(const Json& value, const std::string& pointer, bool fallback) {
  const Json* found = at(value, pointer);
  return found != nullptr && found->is_boolean() ? found->get<bool>() : fallback;
}

Json subtree_at(const Json& value, const std::string& pointer) {
  const Json* found = at(value, pointer);
  return found != nullptr ? *found : Json();
}

std::string enum_value(const std::string& text, const std::vector<std::string>& allowed,
                       const std::string& property) {
  for (const auto& value : allowed)
    if (same(value, text)) return value;
  throw ApiError(400, "InvalidParameter",
                 fmt::format("The value '{}' of parameter '{}' is invalid.", text, property), property);
}

void refuse_missing(const std::string& property) {
  throw ApiError(400, "InvalidParameter", fmt::format("Required parameter '{}' is missing (null).", property),
                 property);
}

void refuse_change(const std::string& property) {
  throw ApiError(409, "PropertyChangeNotAllowed",
                 fmt::format("Changing property '{}' is not allowed.", property), property);
}

std::string last_segment(std::string_view id) {
  const auto slash = id.rfind('/');
  return std::string(slash == std::string_view::npos ? id : id.substr(slash + 1));
}

}  // namespace azlin::simulator
