#pragma once
// azlin plan, apply and export: what they share.
#include <CLI/CLI.hpp>

#include "azlin/protection/manager.hpp"
#include "cli/command.hpp"

namespace azlin::cli {

void add_plan_command(CLI::App& root, Job& chosen);
void add_apply_command(CLI::App& root, Job& chosen);
void add_export_command(CLI::App& root, Job& chosen);

protection::ProtectionManager open_protection(Runtime& runtime);
void print_plan(Console& console, const protection::Plan& plan);
nlohmann::ordered_json to_json(const protection::Plan& plan);

}  // namespace azlin::cli
