#include "protection/yaml_tree.hpp"

#include <algorithm>
#include <charconv>

namespace azlin::protection {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kLongestLine = 100;

template <class Number>
std::optional<Number> number_of(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

ordered_json scalar_of(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  const bool plain = node.Tag() != "!";  // "!": it was quoted
  if (plain && (text == "true" || text == "false")) return text == "true";
  if (plain) {
    if (const auto whole = number_of<std::int64_t>(text)) return *whole;
    const bool digits = text.find_first_not_of("0123456789.-") == std::string::npos;
    if (const auto number = digits ? number_of<double>(text) : std::nullopt) return *number;
  }
  return text;
}

bool is_flat(const ordered_json& tree) {
  if (!tree.is_structured()) return true;
  return tree.dump().size() <= kLongestLine &&
         std::all_of(tree.begin(), tree.end(), [](const auto& each) { return !each.is_structured(); });
}

// A text that YAML would read as something else is quoted.
void emit_text(YAML::Emitter& out, const std::string& text) {
  static const std::vector<std::string> kWords = {"true", "false", "yes", "no", "on", "null", "~", "y", "n"};
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const bool quoted = std::find(kWords.begin(), kWords.end(), lower) != kWords.end() ||
                      number_of<double>(text) || text.find_first_of("*?[]{}&!|>%@`") == 0;
  if (quoted) out << YAML::DoubleQuoted;
  out << text;
}

void emit(YAML::Emitter& out, const ordered_json& tree) {
  if (tree.is_object()) {
    out << (is_flat(tree) ? YAML::Flow : YAML::Block) << YAML::BeginMap;
    for (const auto& [key, value] : tree.items()) {
      out << YAML::Key << key << YAML::Value;
      emit(out, value);
    }
    out << YAML::EndMap;
  } else if (tree.is_array()) {
    out << (is_flat(tree) ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
    for (const auto& value : tree) emit(out, value);
    out << YAML::EndSeq;
  } else if (tree.is_string()) {
    emit_text(out, tree.get<std::string>());
  } else {
    out << tree.dump();
  }
}

}  // namespace

ordered_json to_json(const YAML::Node& node) {
  if (node.IsMap()) {
    ordered_json out = ordered_json::object();
    for (const auto& entry : node) out[entry.first.Scalar()] = to_json(entry.second);
    return out;
  }
  if (node.IsSequence()) {
    ordered_json out = ordered_json::array();
    for (const auto& item : node) out.push_back(to_json(item));
    return out;
  }
  return node.IsScalar() ? scalar_of(node) : ordered_json();
}

std::string to_yaml(const ordered_json& tree) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  for (const auto& [key, value] : tree.items()) {
    out << YAML::Key << key << YAML::Value;
    emit(out, value);
  }
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace azlin::protection
