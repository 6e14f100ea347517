#pragma once
// Values and conditions of Kusto: comparisons with its rules on null and case.
#include <functional>
#include <string>

#include <nlohmann/json.hpp>

namespace azlin::simulator {

using KqlValue = std::function<nlohmann::json(const nlohmann::json& row)>;

std::string kql_text(const nlohmann::json& value);  // null is ""
bool kql_true(const nlohmann::json& value);
// -1, 0, 1; numbers as numbers, all else as text.
int kql_compare(const nlohmann::json& a, const nlohmann::json& b);
// `op` such as "==", "=~", "contains", "!startswith". Throws std::invalid_argument for one that is not known.
std::function<bool(const nlohmann::json&, const nlohmann::json&)> kql_operator(const std::string& op);
// Throws std::invalid_argument for a function that is not known.
KqlValue kql_function(const std::string& name, KqlValue argument);

}  // namespace azlin::simulator
