#pragma once
// YAML files of plain data, as JSON.
#include <nlohmann/json.hpp>
#include <string>

namespace azlin::platform {

// Block style; every text that YAML could take for something else is quoted.
std::string to_yaml(const nlohmann::ordered_json& value);
// Of several documents the members together. Numbers that JSON would write otherwise (1.10) stay texts.
// Throws core::Error (usage), naming `name`: no YAML, a key that is no text.
nlohmann::json parse_yaml(const std::string& text, const std::string& name);

}  // namespace azlin::platform
