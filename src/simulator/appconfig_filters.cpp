// Which key-values a request means.
#include <fmt/format.h>

#include "simulator/appconfig.hpp"
#include "simulator/json_util.hpp"
#include "simulator/text.hpp"

namespace azlin::simulator {
namespace {

constexpr std::size_t kMaxParts = 5;

struct Pattern {
  std::string text;
  bool prefix = false;
};

[[noreturn]] void refuse(const std::string& parameter, std::size_t at, const std::string& why) {
  throw_config(400, "invalid-argument", fmt::format("Invalid request parameter '{}'", parameter), parameter,
               fmt::format("{}({}): {}", parameter, at, why));
}

// `*` only at the end of a part; `\` before `*`, `,` and `\`.
std::vector<Pattern> parse(const std::string& text, const std::string& parameter) {
  std::vector<Pattern> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (parts.back().prefix && c != ',') refuse(parameter, i, "Invalid character");
    if (c == '\\') {
      if (i + 1 == text.size() || std::string_view("*,\\").find(text[i + 1]) == std::string_view::npos)
        refuse(parameter, i, "Invalid character");
      parts.back().text += text[++i];
    } else if (c == ',') {
      parts.emplace_back();
    } else if (c == '*') {
      parts.back().prefix = true;
    } else if (c != '\0') {  // a null character is the label that is not there
      parts.back().text += c;
    }
  }
  if (parts.size() > kMaxParts) refuse(parameter, text.size(), "Too many values");
  return parts;
}

bool has_tags(const Json& item, const std::vector<std::pair<std::string, std::string>>& wanted) {
  const Json tags = item.value("tags", Json::object());
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& tag) { return tags.value(tag.first, Json()) == tag.second; });
}

}  // namespace

ConfigFilter config_filter(const std::string& text, const std::string& parameter) {
  return [parts = parse(text, parameter)](const std::string& value) {
    return std::any_of(parts.begin(), parts.end(), [&](const Pattern& part) {
      return part.prefix ? value.starts_with(part.text) : value == part.text;
    });
  };
}

std::function<bool(const ConfigRevision&)> request_filter(const Request& request) {
  const auto key = config_filter(request.query_or("key", "*"), "key");
  const auto label = config_filter(request.query_or("label", "*"), "label");
  std::vector<std::pair<std::string, std::string>> tags;
  for (const auto& [name, value] : parse_query(request.raw_query)) {
    const auto equals = value.find('=');
    if (name == "tags" && equals == std::string::npos) refuse("tags", 0, "A tag filter is name=value");
    if (name == "tags") tags.emplace_back(value.substr(0, equals), value.substr(equals + 1));
  }
  if (tags.size() > kMaxParts) refuse("tags", tags.size(), "Too many values");
  return [key, label, tags](const ConfigRevision& item) {
    return key(item.key) && label(item.label) && has_tags(item.body, tags);
  };
}

}  // namespace azlin::simulator
