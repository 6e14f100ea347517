#pragma once
// JSON text that others wrote.
#include <nlohmann/json.hpp>
#include <string_view>

namespace azlin::core {

// Deeper than any service's bodies. What works on JSON recurses: deeper ones would end the program.
inline constexpr int kDeepestJson = 200;

// Discarded (`is_discarded()`) when it is no JSON, or nested deeper than `deepest` levels.
nlohmann::json parse_json(std::string_view text, int deepest = kDeepestJson);

}  // namespace azlin::core
