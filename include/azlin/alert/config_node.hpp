#pragma once
// The rules and channels of alerts.yaml where they stand in another file. For parts that link yaml-cpp.
#include "azlin/alert/config.hpp"
#include "azlin/core/yaml_reader.hpp"

namespace azlin::alert {

// As parse_config, but mistakes are the reader's: what is returned after one is not to be used.
AlertConfig read_config(const YAML::Node& root, core::YamlReader& reader);

}  // namespace azlin::alert
