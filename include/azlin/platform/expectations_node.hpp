#pragma once
// The expectations where they stand in another file. For parts that link yaml-cpp.
#include "azlin/core/yaml_reader.hpp"
#include "azlin/platform/assess.hpp"

namespace azlin::platform {

// As parse_expectations, but mistakes are the reader's.
Expectations read_expectations(const YAML::Node& root, core::YamlReader& reader);

}  // namespace azlin::platform
