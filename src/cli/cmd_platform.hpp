#pragma once
// The groups under `azlin platform`, one file each.
#include "cli/command.hpp"

namespace azlin::cli {

void add_platform_commands(CLI::App& root, Job& chosen);

void add_appconfig_commands(CLI::App& platform, Job& chosen);
void add_keyvault_commands(CLI::App& platform, Job& chosen);

}  // namespace azlin::cli
