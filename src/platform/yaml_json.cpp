#include "platform/yaml_json.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>

#include "azlin/core/error.hpp"
#include "azlin/core/names.hpp"

namespace azlin::platform {

using core::Error;
using core::ErrorKind;
using nlohmann::json;
using nlohmann::ordered_json;

namespace {

// Letters, digits, _ and -, beginning with a letter, and no word of YAML 1.1.
bool is_plain(const std::string& text) {
  static const std::set<std::string> words = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  const auto is_letter = [](unsigned char c) { return std::isalpha(c) != 0 && c < 0x80; };
  if (text.empty() || !is_letter(static_cast<unsigned char>(text[0]))) return false;
  const auto lower = core::to_lower(text);
  return !words.contains(lower) && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return is_letter(c) || std::isdigit(c) != 0 || c == '_' || c == '-';
  });
}

// What JSON writes as a string is a double-quoted scalar of YAML.
std::string scalar(const ordered_json& value) {
  if (value.is_string() && is_plain(value.get<std::string>())) return value.get<std::string>();
  return value.dump(-1, ' ', false, json::error_handler_t::strict);
}

void write(std::string& out, const ordered_json& value, int depth) {
  const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
  const auto below = [&](const ordered_json& child) {
    if (!child.is_structured() || child.empty()) {
      out += " " + scalar(child) + "\n";
      return;
    }
    out += "\n";
    write(out, child, depth + 1);
  };
  if (value.is_array())
    for (const auto& child : value) {
      out += indent + "-";
      below(child);
    }
  else
    for (const auto& [key, child] : value.items()) {
      out += indent + scalar(key) + ":";
      below(child);
    }
}

json scalar_of(const YAML::Node& node) {
  const auto& text = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;  // quoted
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const auto number = json::parse(text, nullptr, false);
  return number.is_number() && number.dump() == text ? number : json(text);
}

json json_of(const YAML::Node& node, const std::string& name) {
  if (node.IsNull() || !node.IsDefined()) return nullptr;
  if (node.IsScalar()) return scalar_of(node);
  if (node.IsSequence()) {
    json out = json::array();
    for (const auto& child : node) out.push_back(json_of(child, name));
    return out;
  }
  json out = json::object();
  for (const auto& pair : node) {
    if (!pair.first.IsScalar())
      throw Error(ErrorKind::usage,
                  fmt::format("{}, line {}: a key must be a text", name, pair.first.Mark().line + 1));
    out[pair.first.Scalar()] = json_of(pair.second, name);
  }
  return out;
}

}  // namespace

std::string to_yaml(const ordered_json& value) {
  if (!value.is_structured() || value.empty()) return scalar(value) + "\n";
  std::string out;
  write(out, value, 0);
  return out;
}

json parse_yaml(const std::string& text, const std::string& name) {
  json out;
  try {
    for (const auto& document : YAML::LoadAll(text)) {
      auto next = json_of(document, name);
      if (out.is_object() && next.is_object())
        out.update(next);
      else if (!next.is_null())
        out = std::move(next);
    }
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::usage, fmt::format("{} is no YAML: {}", name, error.what()));
  }
  return out.is_null() ? json::object() : out;
}

}  // namespace azlin::platform
