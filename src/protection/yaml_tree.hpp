#pragma once
// YAML as JSON values, for comparing and writing it.
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <string>

namespace azlin::protection {

// Plain true, false and numbers become such; all other scalars are texts.
nlohmann::ordered_json to_json(const YAML::Node& node);
// Block style; short lists and mappings of scalars in one line.
std::string to_yaml(const nlohmann::ordered_json& tree);

}  // namespace azlin::protection
