#pragma once
// `azlin restore`; the group is returned so that other parts of the program can add to it.
#include "cli/command.hpp"

namespace azlin::cli {

CLI::App* add_restore_commands(CLI::App& root, Job& chosen);

}  // namespace azlin::cli
