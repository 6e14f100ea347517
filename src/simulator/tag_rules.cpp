#include "simulator/tag_rules.hpp"

#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

bool has_reserved(const std::string& name) {
  for (unsigned char c : name) {
    if (c < 0x20 || c == 0x7f ||
        std::string_view("<>%&\\?/").find(static_cast<char>(c)) != std::string_view::npos)
      return true;
  }
  return false;
}

std::string find_name(const Json& tags, const std::string& wanted) {
  for (const auto& [name, value] : tags.items()) {
    if (same(name, wanted)) return name;
  }
  return {};
}

void check_value(const std::string& name, const Json& value) {
  if (!value.is_string())
    throw ApiError(
        400, "InvalidRequestContent",
        fmt::format("The request content was invalid and could not be deserialized: 'The value of tag '{}' "
                    "is not a string.'.",
                    name));
  const auto& text = value.get_ref<const std::string&>();
  if (utf16_length(text) > kMaxTagValue)
    throw ApiError(
        400, "InvalidTagValueLength",
        fmt::format("Tag value too large. Following tag value '{}' exceeded the maximum length. Maximum "
                    "allowed length for tag value - '{}' characters.",
                    text, kMaxTagValue));
}

}  // namespace

std::size_t utf16_length(const std::string& text) {
  std::size_t length = 0;
  for (unsigned char c : text) {
    if ((c & 0xc0) != 0x80) length += c >= 0xf0 ? 2 : 1;
  }
  return length;
}

void check_tags(const Json& tags) {
  if (!tags.is_object())
    throw ApiError(
        400, "InvalidRequestContent",
        "The request content was invalid and could not be deserialized: 'tags is not an object.'.");
  if (tags.size() > kMaxTags)
    throw ApiError(400, "InvalidTags",
                   fmt::format("The number of tags '{}' exceeds the maximum allowed number of tags '{}'.",
                               tags.size(), kMaxTags));
  std::vector<std::string> reserved;
  std::set<std::string> seen;
  for (const auto& [name, value] : tags.items()) {
    if (has_reserved(name)) reserved.push_back(name);
    if (trim(name).empty())
      throw ApiError(400, "InvalidTagName", "Tag name cannot be null, empty or whitespace.");
    if (utf16_length(name) > kMaxTagName)
      throw ApiError(
          400, "InvalidTagNameLength",
          fmt::format("Tag name too large. Following tag name '{}' exceeded the maximum length. Maximum "
                      "allowed length for tag name - '{}' characters.",
                      name, kMaxTagName));
    if (!seen.insert(lower(name)).second)
      throw ApiError(400, "DuplicateTagNames", fmt::format("Tag name '{}' is given more than once.", name));
    for (const char* prefix : {"microsoft", "azure", "windows"}) {
      if (starts_with_ignoring_case(name, prefix))
        throw ApiError(
            400, "InvalidTagName",
            fmt::format("Tag name '{}' cannot start with the reserved prefix '{}'.", name, prefix));
    }
  }
  if (!reserved.empty())
    throw ApiError(
        400, "InvalidTagNameCharacters",
        fmt::format("The tag names '{}' have reserved characters '<,>,%,&,\\,?,/' or control characters.",
                    fmt::join(reserved, ",")));
  for (const auto& [name, value] : tags.items()) check_value(name, value);
}

Json merge_tags(const Json& tags, const Json& changes) {
  Json merged = tags.is_object() ? tags : Json::object();
  for (const auto& [name, value] : changes.items()) {
    const std::string known = find_name(merged, name);
    merged[known.empty() ? name : known] = value;
  }
  return merged;
}

Json remove_tags(const Json& tags, const Json& changes) {
  Json left = tags.is_object() ? tags : Json::object();
  for (const auto& [name, value] : changes.items()) {
    const std::string known = find_name(left, name);
    if (!known.empty() && left[known] == value) left.erase(known);
  }
  return left;
}

}  // namespace azlin::simulator
