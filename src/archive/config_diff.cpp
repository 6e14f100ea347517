#include "azlin/archive/config_diff.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "azlin/core/names.hpp"

namespace azlin::archive {
namespace {

using nlohmann::json;

std::string join(const std::string& prefix, const std::string& key) {
  return prefix.empty() ? key : prefix + "." + key;
}

void flatten(const json& value, const std::string& at, ConfigKeys& out) {
  if (value.is_object() && !value.empty()) {
    for (const auto& [key, each] : value.items()) flatten(each, join(at, key), out);
  } else if (value.is_array() && !value.empty()) {
    for (std::size_t i = 0; i < value.size(); ++i) flatten(value[i], fmt::format("{}[{}]", at, i), out);
  } else {
    out[at] = value.dump();
  }
}

void flatten(const YAML::Node& node, const std::string& at, ConfigKeys& out) {
  if (node.IsMap() && node.size() > 0) {
    for (const auto& each : node) flatten(each.second, join(at, YAML::Dump(each.first)), out);
  } else if (node.IsSequence() && node.size() > 0) {
    for (std::size_t i = 0; i < node.size(); ++i) flatten(node[i], fmt::format("{}[{}]", at, i), out);
  } else {
    out[at] = node.IsScalar() ? node.Scalar() : YAML::Dump(node);
  }
}

// Several documents in one file, as Kubernetes manifests have them, are numbered from the second on.
ConfigKeys read_yaml(const std::string& text) {
  ConfigKeys out;
  const auto documents = YAML::LoadAll(text);
  for (std::size_t i = 0; i < documents.size(); ++i)
    flatten(documents[i], i == 0 ? "" : fmt::format("document{}", i + 1), out);
  return out;
}

std::string trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

// Lines `key = value` (or `key: value`) under `[section]`s; a key alone has an empty value. A key that comes
// again is numbered.
ConfigKeys read_lines(const std::string& text, const char* separators) {
  ConfigKeys out;
  std::istringstream in(text);
  std::string section;
  for (std::string raw; std::getline(in, raw);) {
    std::string line = trim(raw);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line.front() == '[' && line.back() == ']') {
      section = line.substr(1, line.size() - 2);
      continue;
    }
    if (line.starts_with("export ")) line = trim(line.substr(7));
    const auto at = line.find_first_of(separators);
    const auto key = join(section, trim(line.substr(0, at)));
    auto name = key;
    for (int i = 2; out.contains(name); ++i) name = fmt::format("{}#{}", key, i);
    out[name] = at == std::string::npos ? "" : trim(line.substr(at + 1));
  }
  return out;
}

bool ends_with_any(const std::string& name, std::initializer_list<const char*> ends) {
  for (const auto* end : ends) {
    if (name.ends_with(end)) return true;
  }
  return false;
}

}  // namespace

std::optional<ConfigKeys> read_config_keys(const std::string& file_name, const std::string& text) {
  const auto name = core::to_lower(file_name);
  if (ends_with_any(name, {".json", ".tfstate"})) {
    const auto parsed = json::parse(text, nullptr, false);
    if (parsed.is_discarded()) return std::nullopt;
    ConfigKeys out;
    flatten(parsed, "", out);
    return out;
  }
  if (ends_with_any(name, {".yaml", ".yml"})) {
    try {
      return read_yaml(text);
    } catch (const YAML::Exception&) {
      return std::nullopt;
    }
  }
  if (ends_with_any(name, {".env"}) || name.find(".env.") != std::string::npos) return read_lines(text, "=");
  if (ends_with_any(name, {".ini", ".cfg", ".conf", ".cnf", ".properties", ".toml"}))
    return read_lines(text, "=:");
  return std::nullopt;
}

std::vector<KeyChange> diff_config_keys(const ConfigKeys& before, const ConfigKeys& after) {
  std::vector<KeyChange> out;
  for (const auto& [key, value] : before) {
    const auto found = after.find(key);
    if (found == after.end()) out.push_back({KeyChange::Kind::removed, key});
    if (found != after.end() && found->second != value) out.push_back({KeyChange::Kind::changed, key});
  }
  for (const auto& [key, value] : after) {
    if (!before.contains(key)) out.push_back({KeyChange::Kind::added, key});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  return out;
}

}  // namespace azlin::archive
