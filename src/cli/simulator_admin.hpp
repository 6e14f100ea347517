#pragma once
// The simulator's admin endpoint.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/command.hpp"

namespace azlin::cli {

// AZLIN_ARM_ENDPOINT, else the one in the background; nullopt: neither.
std::optional<std::string> find_simulator_url(Runtime& runtime);

// One call to /_simulator…; a null body sends none. Throws core::Error: not_found when none runs, usage for
// what it refuses.
nlohmann::ordered_json simulator_admin(Runtime& runtime, const std::string& method, const std::string& path,
                                       const nlohmann::ordered_json& body);

// fault, latency, clock, requests.
void add_simulator_control_commands(CLI::App& group, Job& chosen);

}  // namespace azlin::cli
